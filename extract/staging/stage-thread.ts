import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createClient } from '../archive/client.ts';
import { createStage } from './stage-archive.ts';
import type { Done, Job, Order, Report, StagerSettings } from './stager.ts';

/**
 * The main module of a staging thread: downloads, verifies, unpacks and renames the archives that it receives, and
 * reports their outcomes. It loads neither the engine nor unzipper, since each thread would have to load them again.
 */
const { stage, client: clientOptions } = workerData as StagerSettings;
const port = parentPort as MessagePort;
const controller = new AbortController();
const { signal } = controller;
const client = createClient({ ...clientOptions, signal });
const stageArchive = createStage(stage, client, signal);

let done: Done[] = [];
/** The number of requests in the last report. Retries are reported even if no archive has finished. */
let told = 0;

function report(): void {
  if (done.length === 0 && told === client.stats.requests) return;
  told = client.stats.requests;
  port.postMessage({ done, stats: client.stats } satisfies Report);
  done = [];
}
setInterval(report, 500).unref();

function finish(one: Done): void {
  // Jobs that end in the same turn of the event loop are reported in one message.
  if (done.push(one) === 1) setImmediate(report);
}

async function run({ id, wanted }: Job): Promise<void> {
  try {
    finish({ id, outcome: await stageArchive(wanted) });
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    finish({ id, error: error as Error, system: { ...(code && { code }), ...(path && { path }) } });
  }
}

port.on('message', (order: Order) => {
  if (order.kind === 'stage') for (const job of order.jobs) void run(job);
  else if (order.kind === 'abort') controller.abort();
  else void client[Symbol.asyncDispose]().then(() => port.close());
});
