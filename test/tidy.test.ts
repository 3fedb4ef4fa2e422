/** What no compiler and no linter sees: files too long, leftovers, paths of one machine, dead links, broken scripts. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { BINARY, files, none, places, ROOT, text, written } from './support/source-files.ts';

/** Longest file, in lines. An exception needs a reason. */
const LINES_MAX = 400;
const LONGER: Record<string, string> = {};

describe('Source files', () => {
  it(`have at most ${LINES_MAX} lines`, () => {
    const code = files.filter((file) =>
      /^(src|tools|test|web|wasm|bench|scripts)\/.*\.(ts|tsx|css|mjs|sh|py)$/.test(file),
    );
    const lines = new Map(code.map((file) => [file, text(file).split('\n').length - 1]));
    const long = [...lines].filter(([file, count]) => count > LINES_MAX && !LONGER[file]);
    none(
      long.map(([file, count]) => `${file}: ${count} lines`),
      'Cut these into parts that each do one thing:',
    );
    const stale = Object.keys(LONGER).filter((file) => (lines.get(file) ?? 0) <= LINES_MAX);
    none(stale, 'No exception is needed (any more) for:');
  });

  it('export no name twice', () => {
    const exported =
      /^export (?:declare )?(?:abstract )?(?:async )?(?:class|const|let|type|interface|function\*?) (\w+)/gm;
    const homes = new Map<string, Set<string>>();
    for (const file of files.filter((name) => /^(src|tools)\/.*\.ts$/.test(name)))
      for (const [, name] of text(file).matchAll(exported))
        homes.set(name!, (homes.get(name!) ?? new Set()).add(file));
    assert.ok(homes.size > 1000, 'The exports are found.');
    none(
      [...homes].filter(([, at]) => at.size > 1).map(([name, at]) => `${name}: ${[...at].join(', ')}`),
      'One name is one thing. Export it once, or rename one of them to what its folder suggests:',
    );
  });

  it('keep no notes of unfinished work', () => {
    // Put together from parts, so that this file has none itself.
    none(
      places(written, new RegExp(`\\b(${['TO', 'DO|FIX', 'ME|X', 'XX'].join('')})\\b`)),
      'Do it, or open an issue:',
    );
  });

  it('hold no mark of a merge that was not ended', () => {
    none(places(written, /^(?:<{7} |={7}$|>{7} )/), 'End the merge:');
  });
  it('name no path of one machine', () => {
    none(places(written, /(?<![\w.~$}/-])\/(work|root|home|Users)\/\w/), 'These exist on one machine only:');
  });

  it('spread no array of unknown length into a call', () => {
    // Each element is an argument on the stack: about 120,000 of them end the process.
    const code = files.filter((file) => /^(src|tools)\/.*\.ts$/.test(file) && !file.endsWith('.test.ts'));
    none(
      places(
        code,
        /\.(push|unshift|splice|concat)\(([^{]*, )?\.\.\.|Math\.(max|min)\(([^{]*, )?\.\.\.|from(CharCode|CodePoint)\(\.\.\.|\.apply\(\w+, /,
      ),
      'Use a loop or reduce:',
    );
  });

  it('write to the terminal in one place, which escapes what others have sent', () => {
    const code = files.filter(
      (file) =>
        /^(src|tools)\/.*\.ts$/.test(file) &&
        file !== 'src/commands/terminal.ts' &&
        // What a mapping of the user prints goes past it, to stderr.
        file !== 'src/ingest/mapping/module-worker.ts',
    );
    none(
      places(code, /process\.std(out|err)\b|\bconsole\.\w+\(/),
      'Use src/commands/terminal.ts, or the logger:',
    );
  });

  it('drop an error only with a reason', () => {
    const code = files.filter(
      (file) => /^(src|tools|web\/src)\/.*\.tsx?$/.test(file) && !/\.test\.ts$/.test(file),
    );
    const isReason = (line = '') => /^\s*(\/\/|\*|\/\*\*)/.test(line) || /\/\/ /.test(line);
    const found = code.flatMap((file) => {
      const lines = text(file).split('\n');
      return lines.flatMap((line, at) => {
        const isBlock = /\bcatch \{$/.test(line) && !/^\s*throw /.test(lines[at + 1] ?? '');
        // `#tail = result.catch(() => {})`: the end of a queue, whose callers get the error.
        const isCall =
          /\.catch\(\(\) =>/.test(line) && !/^\s*this\.#\w+ = \w+\.catch\(\(\) => \{\}\);$/.test(line);
        const near = isBlock ? lines.slice(at + 1, at + 3) : lines.slice(Math.max(0, at - 3), at + 1);
        const handles = isCall && /=> (this\.#?\w+|validate|\w+\.delete)\(|=>$|=> \{$/.test(line);
        return (isBlock || isCall) && !handles && !near.some(isReason)
          ? [`${file}:${at + 1}: ${line.trim()}`]
          : [];
      });
    });
    none(found, 'Say why nobody needs to know, or handle it:');
  });

  it('hide no import of a file of ours inside of a type', () => {
    const inType = (line: string, file: string) =>
      [...line.matchAll(/(typeof\s+)?import\(\s*'(\.[^']+)'\s*\)(\s*\.\s*[A-Z])?/g)].some(
        // `typeof import()` is fine beside a real import of the same file, which dependency-cruiser does see.
        ([, typeOf, target, name]) =>
          name || (typeOf && !new RegExp(`(?<!typeof\\s+)import\\('${target}'\\)`).test(text(file))),
      );
    const found = files
      .filter((file) => /^(src|tools|web|wasm)\/.*\.tsx?$/.test(file))
      .flatMap((file) =>
        text(file)
          .split('\n')
          .flatMap((line, index) => (inType(line, file) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
      );
    none(found, 'dependency-cruiser does not see these; use `import type`:');
  });
});

describe('Tests', () => {
  it('all run', () => {
    const tests = files.filter((file) => /^test\/|\.test\.ts$/.test(file) && file !== 'test/tidy.test.ts');
    const cut = [
      ...places(tests, /\b(describe|it|test|suite|t|context)\.(only|todo)\(|\.skip\(/),
      ...places(tests, /\b(only|todo): true\b|\bskip:/),
    ];
    none(cut, 'Every test runs. One that lacks something fails and names it:');
  });

  it('and what wires the product together have one clock each', () => {
    const clocks = ['src/system/clock.ts', 'test/support/clock.ts', 'test/tidy.test.ts'];
    const timed = files.filter(
      (file) =>
        !clocks.includes(file) &&
        (/^test\/.*\.ts$|\.test\.ts$|\/fake-[^/]+\.ts$/.test(file) ||
          /^src\/((app|commands)\/)?[^/]+\.ts$/.test(file)),
    );
    none(
      places(timed, /\bDate\.now\b|\bnew Date\(\)/),
      'Take the time from src/system/clock.ts or test/support/clock.ts, and how long something takes from performance.now():',
    );
  });
});

describe('Packages', () => {
  interface Manifest {
    dependencies?: Record<string, string>;
    devDependencies?: Record<string, string>;
    optionalDependencies?: Record<string, string>;
    resolved?: string;
  }
  const manifest = JSON.parse(text('package.json')) as Manifest;
  const lock = JSON.parse(text('package-lock.json')) as { packages: Record<string, Manifest> };

  it('are named by their exact version', () => {
    const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
      .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      .map(([name, version]) => `${name} ${version}`);
    none(loose, 'Install them with npm install --save-exact:');
  });

  it('come from whatever registry the user has', () => {
    const bound = Object.entries(lock.packages).filter(([, entry]) => entry.resolved);
    none(
      bound.map(([path]) => path),
      'package-lock.json ties these to one registry; see npm config omit-lockfile-registry-resolved:',
    );
  });

  it('are in the lock file as npm ci wants them', () => {
    const root = lock.packages[''];
    assert.deepEqual(root?.dependencies, manifest.dependencies, 'package-lock.json is older: npm install');
    assert.deepEqual(
      root?.devDependencies,
      manifest.devDependencies,
      'package-lock.json is older: npm install',
    );
    const names = new Set(
      Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)),
    );
    const missing = Object.values(lock.packages)
      .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
      .filter((name) => !names.has(name));
    none(missing, 'npm left out packages of other platforms; run `npm run lock`:');
  });
});

describe('Documents', () => {
  /** Link text, as a heading's anchor on the usual hosts. */
  const anchor = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-');

  it('name files that are there', () => {
    const missing = files
      .filter((name) => name.endsWith('.md') && name !== 'CHANGELOG.md')
      .flatMap((file) =>
        [...text(file).matchAll(/`((?:src|tools|test|web|wasm|scripts|bench)\/[\w./-]+\.\w+)`/g)]
          .filter(([, path]) => !existsSync(join(ROOT, path!)))
          .map(([, path]) => `${file}: ${path}`),
      );
    none(missing, 'Name what is there:');
  });
  it('link to what is there', () => {
    const dead: string[] = [];
    for (const file of files.filter((name) => name.endsWith('.md'))) {
      const prose = text(file)
        .replace(/^```.*?^```/gms, '')
        .replace(/`[^`\n]*`/g, '');
      for (const [, target] of prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)) {
        if (!target || /^[a-z]+:/i.test(target)) continue;
        const [path = '', fragment] = target.split('#');
        const to = path ? join(dirname(file), decodeURIComponent(path)) : file;
        if (!existsSync(join(ROOT, to))) dead.push(`${file}: ${target}`);
        else if (fragment && to.endsWith('.md')) {
          const anchors = [...text(to).matchAll(/^#+\s+(.*)$/gm)].map(([, heading = '']) => anchor(heading));
          if (!anchors.includes(fragment)) dead.push(`${file}: ${target}, which has no such heading`);
        }
      }
    }
    none(dead, 'These links lead nowhere:');
  });
});

describe('English', () => {
  /** Words that no native speaker would use so: "is no file" for "is not a file", and pictures for parts of the program. */
  const WRONG =
    /(?<!\bthere )\b(is|are|was|were) no\b(?! (longer|more)\b)|\b(anew|doors?|judged?|mend(s|ed|ing)?|tells)\b/i;
  const HINT = 'See the words of CONTRIBUTING.md, "Style":';

  it('of documents is plain', () => {
    const found = files
      .filter((name) => name.endsWith('.md'))
      .flatMap((file) => {
        const blank = (match: string) => match.replace(/[^\n]/g, ' ');
        // File names and names of settings are what they are.
        const prose = text(file)
          .replace(/^```.*?^```/gms, blank)
          .replace(/`[^`\n]*`/g, blank);
        return prose
          .split('\n')
          .flatMap((line, index) => (WRONG.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : []));
      });
    none(found, HINT);
  });

  it('of messages is plain', () => {
    const code = files.filter(
      (file) => /^(src|tools|web\/src)\/.*\.tsx?$/.test(file) && !file.endsWith('.test.ts'),
    );
    const found = code.flatMap((file) => {
      const source = text(file)
        .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
        .replace(/(^|\s)\/\/.*$/gm, '$1');
      const literals = source.matchAll(
        /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|>[^<>{}]+</g,
      );
      return [...literals].flatMap(({ 0: literal, index }) =>
        // Sentences, and not names of columns or SQL.
        /\s/.test(literal) && !/\b(SELECT|CASE|LIKE|CAST|WHEN|AND)\b/.test(literal) && WRONG.test(literal)
          ? [
              `${file}:${source.slice(0, index).split('\n').length}: ${literal.replace(/\s+/g, ' ').slice(0, 120)}`,
            ]
          : [],
      );
    });
    none(found, HINT);
  });
});

describe('Shell scripts', () => {
  const scripts = files.filter((file) => !BINARY.test(file) && /^#!.*\b(ba)?sh\b/.test(text(file)));

  it('are found', () => {
    for (const name of [
      'tillstream',
      'start-pipeline.sh',
      'stop-pipeline.sh',
      'test.sh',
      'scripts/bootstrap.sh',
    ]) {
      assert.ok(scripts.includes(name), name);
    }
  });

  for (const script of scripts) {
    it(`${script} has its run bit and is valid`, () => {
      assert.ok(statSync(join(ROOT, script)).mode & 0o100, 'It has no run bit: chmod +x');
      execFileSync('bash', ['-n', join(ROOT, script)]);
    });
  }

  it('and the completion of bash work with macOS: bash 3.2 and the tools of BSD', () => {
    const newer =
      /\b(mapfile|readarray|coproc)\b|\b(declare|local|typeset) -[a-z]*[An]|\$\{\w+(,|\^)|&>>|\|&|\bwait -n\b|\bsource <\(/;
    // Only newer versions of macOS have readlink -f, so it needs an alternative.
    const gnu = /\bsed -i\b|\b(stat|date|cp) -[cd]\b|\bnproc\b|\breadlink -f\b(?!.*\|\|)/;
    none(
      places(
        [...scripts, 'src/commands/completion.ts'],
        new RegExp(`^(?!\\s*#).*(${newer.source}|${gnu.source})`),
      ),
      'macOS does not have this:',
    );
  });

  it('starting wrongly is refused before anything starts, and shows no token', () => {
    const token = 'not-to-be-shown';
    for (const args of [
      [token],
      [token, 'org'],
      [token, 'org', 'bucket', 'no-address'],
      [token, 'o', 'b', 'url', 'more'],
    ]) {
      const run = () =>
        execFileSync(join(ROOT, 'start-pipeline.sh'), args, { encoding: 'utf8', stdio: 'pipe' });
      assert.throws(run, (error: { status?: number; stdout?: string; stderr?: string }) => {
        assert.equal(error.status, 2);
        assert.ok(error.stderr && !`${error.stdout}${error.stderr}`.includes(token), error.stderr);
        return true;
      });
    }
  });
});
