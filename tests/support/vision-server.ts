import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sharedPath } from './shared.ts';
import { tempDir } from './temp.ts';

export interface VisionServerOptions {
  /** `500=0.03,reset=0.03`: kinds and rates as vision_server.py --help explains them. */
  readonly faults?: string;
  readonly latencyMs?: number;
  readonly seed?: string;
  /** The root answers HTML, listings lie under /data.binance.vision. */
  readonly htmlRoot?: boolean;
}

export interface Request {
  readonly method: string;
  readonly path: string;
}

export interface VisionServer extends AsyncDisposable {
  readonly url: string;
  /** Reads the folder again after files came, went or changed. */
  rescan(): Promise<void>;
  /** Requests answered since the last call. */
  requests(): Promise<readonly Request[]>;
  /** Its own counters: `GET`, `list`, `200`, `404`, `fault:…` */
  stats(): Promise<Readonly<Record<string, number>>>;
}

export const isListing = ({ path }: Request): boolean => /^\/(data\.binance\.vision)?\?/.test(path);

/** Serves a folder in the archive's layout with the independent server of ../shared. */
export async function visionServer(directory: string, options: VisionServerOptions = {}): Promise<VisionServer> {
  const log = join(await tempDir('server-'), 'requests.log');
  const args = ['-u', sharedPath('tools/vision_server.py'), directory, '--log', log];
  if (options.faults !== undefined) args.push('--faults', options.faults);
  if (options.latencyMs !== undefined) args.push('--latency-ms', String(options.latencyMs));
  if (options.seed !== undefined) args.push('--seed', options.seed);
  if (options.htmlRoot) args.push('--html-root');
  const child = spawn('python3', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  const [url] = (await Promise.race([
    once(createInterface(child.stdout), 'line'),
    exit.then(([code]) => Promise.reject(new Error(`vision_server.py ended with ${code} before it served`))),
  ])) as [string];

  let seen = 0;
  return {
    url,
    rescan: async () => void (await (await fetch(`${url}/__rescan`, { method: 'POST' })).text()),
    async requests() {
      const lines = (await readFile(log, 'utf8')).split('\n').slice(0, -1);
      const fresh = lines.slice(seen).map((line): Request => {
        const [, method = '', path = ''] = line.split(' ');
        return { method, path };
      });
      seen = lines.length;
      return fresh.filter(({ path }) => !path.startsWith('/__'));
    },
    stats: async () => (await (await fetch(`${url}/__stats`)).json()) as Record<string, number>,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}
