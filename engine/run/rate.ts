import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { FetchEstimate, Progress } from '../extract.ts';

/** What a node fetched, as run_results.json keeps it. */
export interface FetchRate {
  readonly fetched_files: number;
  readonly fetched_bytes: number;
  readonly fetch_seconds: number;
}

/** A few files say little about the rate of many. */
const shortestSeconds = 10;

/** Follows the progress of an extract, from its first word on. */
export function createRateMeter(clock: () => number) {
  let first: number | undefined;
  let latest: Progress | undefined;
  return {
    update(progress: Progress): void {
      first ??= clock();
      latest = progress;
    },
    /** `undefined` where no bytes were fetched. */
    rate(): FetchRate | undefined {
      if (first === undefined || !latest?.bytes) return undefined;
      const fetch_seconds = Math.round(clock() - first) / 1000;
      return { fetched_files: latest.done, fetched_bytes: latest.bytes, fetch_seconds };
    },
  };
}

/** The rate of an extract in the last run, where that fetched enough to tell. */
export async function lastRate(artifacts: string, nodeId: string): Promise<FetchRate | undefined> {
  const text = await readFile(path.join(artifacts, 'run_results.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { results } = JSON.parse(text) as { results: readonly (Partial<FetchRate> & { readonly unique_id: string })[] };
  const found = results.find(({ unique_id }) => unique_id === nodeId);
  return (found?.fetch_seconds ?? 0) >= shortestSeconds ? (found as FetchRate) : undefined;
}

/** Seconds that a fetch takes at most at this rate: small files are bound by their number, large ones by their bytes. */
export function secondsAt(rate: FetchRate, { files, bytes }: Pick<FetchEstimate, 'files' | 'bytes'>): number {
  return rate.fetch_seconds * Math.max(files / rate.fetched_files, bytes / rate.fetched_bytes);
}
