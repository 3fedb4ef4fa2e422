import type { Backend } from '../api/backend.ts';
import { createServer } from '../api/http.ts';
import { openOwnerSocket } from '../api/owner-socket.ts';
import { hostToOpen } from '../system/host.ts';
import { UsageError } from '../telemetry/errors.ts';
import { listenFailure } from '../telemetry/system-error.ts';
import { type ImportsWiring, openImports } from './imports.ts';

export interface ListenOptions extends ImportsWiring {
  readonly backend: Backend;
  /** Folder of the built page; null where it is not served. */
  readonly pageDir: string | null;
  readonly ownerToken: string;
  readonly opened: AsyncDisposableStack;
}

/** Starts the HTTP server; gives its URL, and the path of the owner's socket. */
export async function listen(options: ListenOptions): Promise<{ url: string; socket: string | null }> {
  const { runtime, backend, pageDir, ownerToken, logger, opened } = options;
  const { server, dataDir } = runtime;
  const imports = await openImports(options);
  const http = await createServer({ backend, imports, config: server, pageDir, ownerToken, logger });
  opened.defer(() => http.close());
  // Before the server: a load that is cut short says so.
  opened.defer(() => imports.close());
  await http.listen({ host: server.host, port: server.port }).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      listenFailure(error, {
        host: server.host,
        port: server.port,
        settings: 'TILLSTREAM_PORT (in the config: port of the source of kind http)',
      }),
    );
  });
  const address = http.server.address();
  const port = typeof address === 'object' && address ? address.port : server.port;
  const owner = await openOwnerSocket(http, dataDir).catch((error: Error) => {
    logger.warn({ err: error }, 'no socket for commands can be made in the data folder; they use the port');
    return null;
  });
  if (owner) opened.defer(() => owner.close());
  return { url: `http://${hostToOpen(server.host)}:${port}`, socket: owner?.path ?? null };
}
