import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { sharedPath } from './shared.ts';

export interface VisionServerOptions {
  /** `500=0.03,reset=0.03`: kinds and rates as explained by vision_server.py --help. */
  readonly faults?: string;
  readonly latencyMs?: number;
  readonly seed?: string;
  /** The root answers with HTML; listings are under /data.binance.vision. */
  readonly htmlRoot?: boolean;
}

export interface VisionServer extends AsyncDisposable {
  readonly url: string;
  /** Reads the folder again after files were added, removed or changed. */
  rescan(): Promise<void>;
  /** Its own counters: `GET`, `list`, `200`, `404`, `fault:…` */
  stats(): Promise<Readonly<Record<string, number>>>;
}

/** Serves a folder in the archive's layout with the independent server of ../shared. */
export async function visionServer(directory: string, options: VisionServerOptions = {}): Promise<VisionServer> {
  const args = ['-u', sharedPath('tools/vision_server.py'), directory];
  if (options.faults !== undefined) args.push('--faults', options.faults);
  if (options.latencyMs !== undefined) args.push('--latency-ms', String(options.latencyMs));
  if (options.seed !== undefined) args.push('--seed', options.seed);
  if (options.htmlRoot) args.push('--html-root');
  const child = spawn('python3', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  // If the server outlived its worker, it would keep the worker's output open, and the test run would never end.
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  const exit = once(child, 'exit');
  let complaint = '';
  child.stderr.on('data', (text) => (complaint += text));
  const [url] = (await Promise.race([
    once(createInterface(child.stdout), 'line'),
    exit.then(([code]) => Promise.reject(new Error(`vision_server.py ended with ${code}: ${complaint}`))),
  ])) as [string];
  return {
    url,
    rescan: async () => void (await (await fetch(`${url}/__rescan`, { method: 'POST' })).text()),
    stats: async () => (await (await fetch(`${url}/__stats`)).json()) as Record<string, number>,
    async [Symbol.asyncDispose]() {
      end();
      process.off('exit', end);
      await exit;
    },
  };
}
