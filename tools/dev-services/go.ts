import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { reasonOf } from '../../src/telemetry/system-error.ts';
import { fetchOnce, type Say } from './cache.ts';
import { ServiceError } from './failure.ts';
import { get } from './get.ts';
import { findProgram, lastLines, run } from './programs.ts';
import { GO, GO_OLDEST, GO_SUMS } from './versions.ts';
import { zipFiles } from './zip.ts';

const PUBLIC_PROXY = 'https://proxy.golang.org';

/** Path of a program in the cache that `go install` builds from its module. */
export async function fetchGoProgram(
  name: string,
  title: string,
  pkg: string,
  version: string,
  say: Say,
): Promise<string> {
  const folder = await fetchOnce(`${name}-${version}-${process.arch}`, title, say, async (scratch) => {
    const go = await findGo(title, say);
    say(`Building ${title}, which takes some minutes ...`);
    const { code, output } = await run(go, ['install', `${pkg}@v${version}`], {
      cwd: scratch,
      env: { GOBIN: scratch, GOFLAGS: '-mod=mod' },
    });
    if (code !== 0) {
      throw new ServiceError(
        `${title} could not be fetched: go install failed. Check the network and GOPROXY, then start again. ` +
          `It said:\n${lastLines(output, 12)}`,
      );
    }
  });
  return join(folder, name);
}

/** The Go of PATH, where it is new enough, else one of ours. */
async function findGo(title: string, say: Say): Promise<string> {
  const go = findProgram('go');
  if (go) {
    const { output } = await run(go, ['env', 'GOVERSION'], { env: { GOTOOLCHAIN: 'local' } });
    const [, found] = /^go(\d+\.\d+)/.exec(output.trim()) ?? [];
    if (found && !isOlder(found, GO_OLDEST)) return go;
  }
  return join(await fetchToolchain(title, say), 'bin', 'go');
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split('.').map(Number);
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}

/** The Go toolchain, from the module proxy that also gives the modules (https://go.dev/ref/mod#goproxy-protocol). */
function fetchToolchain(title: string, say: Say): Promise<string> {
  const sum = GO_SUMS[process.arch];
  if (process.platform !== 'linux' || !sum) {
    throw new ServiceError(
      `${title} is built with Go ${GO_OLDEST} or newer, which was not found in PATH. Install it (https://go.dev/dl).`,
    );
  }
  const version = `v0.0.1-go${GO}.linux-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  return fetchOnce(`go-${GO}-${process.arch}`, `Go ${GO}`, say, async (scratch) => {
    try {
      await unpack(await download(version), `golang.org/toolchain@${version}/`, sum, scratch);
    } catch (error) {
      throw new ServiceError(
        `${title} is built with Go ${GO_OLDEST} or newer. It was not found in PATH, and Go ${GO} could not be fetched: ` +
          `${reasonOf(error)}. ` +
          'Check the network and GOPROXY, or install Go (https://go.dev/dl), then start again.',
      );
    }
  });
}

async function download(version: string): Promise<Buffer> {
  const [first = ''] = (process.env.GOPROXY ?? '').split(/[,|]/);
  const proxy = /^https?:\/\//.test(first) ? first.replace(/\/+$/, '') : PUBLIC_PROXY;
  return get(`${proxy}/golang.org/toolchain/@v/${version}.zip`);
}

/**
 * Unpacks what lies below `prefix` into `folder`, and fails unless all of it has the hash `sum`: the SHA-256 of a sorted
 * list of SHA-256 sums and names (golang.org/x/mod/sumdb/dirhash, Hash1). What has failed is not to be used.
 */
async function unpack(zip: Buffer, prefix: string, sum: string, folder: string): Promise<void> {
  const lines = new Map<string, string>();
  for (const { name, read } of zipFiles(zip)) {
    if (!name.startsWith(prefix) || name.split('/').includes('..'))
      throw new Error(`it holds ${name}, which is out of place`);
    const bytes = read();
    lines.set(name, `${createHash('sha256').update(bytes).digest('hex')}  ${name}\n`);
    const path = join(folder, name.slice(prefix.length));
    await mkdir(dirname(path), { recursive: true });
    // A module's zip has no run bits; the go command sets them for these folders, too.
    const isProgram = /^(bin|pkg\/tool)\//.test(name.slice(prefix.length));
    await writeFile(path, bytes, { mode: isProgram ? 0o755 : 0o644 });
  }
  const list = [...lines.keys()].sort().map((name) => lines.get(name));
  const found = `h1:${createHash('sha256').update(list.join('')).digest('base64')}`;
  if (found !== sum) throw new Error(`it is not the one that this version of Tillstream names (${found})`);
}
