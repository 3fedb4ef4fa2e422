import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { clockEnv } from './clock.ts';
import { PROJECT_DIR, temporaryDir } from './product.ts';

/** The package, installed into an empty folder as a user does it. */
export interface InstalledPackage {
  /** The folder that it was installed into. */
  folder: string;
  /** Its own folder. */
  home: string;
  /** Paths in the tarball, sorted. */
  files: string[];
  /** Environment with Node 24 and npm alone. */
  env: Record<string, string>;
  /** Runs a command line there, to its end. */
  run(line: string): Promise<{ code: number; stdout: string; stderr: string }>;
}

/** Builds and packs the checkout, and installs the tarball. */
export async function installPackage(): Promise<InstalledPackage> {
  const env = await nodeAlone();
  const made = temporaryDir();
  const npm = (cwd: string, line: string) =>
    promisify(execFile)('/bin/sh', ['-c', `npm ${line}`], { cwd, env, maxBuffer: 1 << 24 });
  const packed = await npm(PROJECT_DIR, `pack --json --silent --pack-destination '${made}'`);
  const [{ filename, files }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf('[')));
  const folder = temporaryDir();
  await npm(
    folder,
    `install --prefer-offline --no-audit --no-fund --loglevel=error '${join(made, filename)}'`,
  );
  return {
    folder,
    home: join(folder, 'node_modules', 'tillstream'),
    files: files.map(({ path }: { path: string }) => path).sort(),
    env,
    run: (line) =>
      promisify(execFile)('/bin/sh', ['-c', line], { cwd: folder, env, maxBuffer: 1 << 24 }).then(
        ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
        ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
      ),
  };
}

/** A PATH with nothing in it but this Node, npm, and the shell that npm calls. */
async function nodeAlone(): Promise<Record<string, string>> {
  const bin = join(temporaryDir(), 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  for (const name of ['npm', 'npx', 'sh']) {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', `command -v ${name}`]);
    symlinkSync(stdout.trim(), join(bin, name));
  }
  const { HOME = '' } = process.env;
  // Registry and certificates, as npm has them here.
  const npm = Object.entries(process.env).filter(([name]) =>
    /^(npm_config_|NODE_EXTRA_CA|HTTPS?_PROXY)/i.test(name),
  );
  return { ...Object.fromEntries(npm), PATH: bin, HOME, TILLSTREAM_PORT: '0', ...clockEnv() } as Record<
    string,
    string
  >;
}

/** The code blocks of a language in a document of docs/. */
export function codeBlocks(document: string, language: string): string[] {
  const text = readFileSync(join(PROJECT_DIR, 'docs', document), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, code]) => code!);
}
