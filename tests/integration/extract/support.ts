import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createVars, type VarValue } from '../../../engine/config/vars.ts';
import type { ExtractContext, ExtractResult, Progress, Warning, Window } from '../../../engine/extract.ts';
import klines from '../../../extract/klines.ts';
import listing from '../../../extract/listing.ts';
import type { LedgerEntry } from '../../../extract/staging/journal.ts';
import { Ledger } from '../../../extract/staging/ledger.ts';

export const asOf = new Date('2025-07-10T09:00:00Z');
const day = 86_400_000;

export interface RunOptions {
  readonly url: string;
  readonly stagingDir: string;
  readonly asOf?: Date;
  readonly window?: Window;
  readonly relist?: boolean;
  readonly locked?: string;
  readonly signal?: AbortSignal;
  readonly share?: ExtractContext['share'];
  readonly vars?: Readonly<Record<string, VarValue>>;
  /** The `with:` blocks of both extracts. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** The `with:` block of the listing alone, and that of the klines alone. */
  readonly listingOptions?: Readonly<Record<string, unknown>>;
  readonly klinesOptions?: Readonly<Record<string, unknown>>;
}

/** The result of an extract; like the engine, its status is `warn` if it has warned. */
export type Ended = Omit<ExtractResult, 'status'> & { readonly status: ExtractResult['status'] | 'warn' };

export interface Run {
  readonly listing: Ended;
  readonly klines: Ended;
  readonly warnings: readonly string[];
  readonly progress: readonly Progress[];
}

export interface Log {
  readonly warnings: string[];
  /** The same with their kinds and subjects. */
  readonly told: Warning[];
  readonly infos: string[];
  readonly progress: Progress[];
}

export const emptyLog = (): Log => ({ warnings: [], told: [], infos: [], progress: [] });

export const endOf = (result: ExtractResult, { warnings }: Log): Ended =>
  warnings.length > 0 ? { ...result, status: 'warn' } : result;

export function contextOf(
  run: RunOptions,
  options: object,
  upstream: ExtractContext['upstream'],
  log: Log,
): ExtractContext {
  return {
    target: { name: 'test', archive: run.url, synthetic: false },
    options: {
      ...{ instrument_types: ['futures-um'], timeframes: ['1d'], connections: 16, patience: '1 second' },
      ...run.options,
      ...options,
    },
    vars: createVars({
      ...{ availability_timeframe: '1d', relist_after: 7 * day, verify: 'etag', max_failed: 0 },
      ...run.vars,
    }),
    window: run.window,
    asOf: run.asOf ?? asOf,
    stagingDir: run.stagingDir,
    relist: run.relist ?? false,
    rebuild: false,
    locked: run.locked,
    signal: run.signal ?? new AbortController().signal,
    upstream,
    progress: (progress) => void log.progress.push(progress),
    confirm: async () => {},
    warn(warning) {
      log.told.push(warning);
      log.warnings.push(warning.message);
    },
    info: (message) => void log.infos.push(message),
    share: run.share ?? ((_name, create) => create()),
  };
}

/** Runs only the listing extract. */
export async function runListing(run: RunOptions): Promise<Omit<Run, 'klines'> & Log> {
  const log = emptyLog();
  const options = { availability: false, ...run.listingOptions };
  return { listing: endOf(await listing.run(contextOf(run, options, new Map(), log)), log), ...log };
}

/** Runs the klines extract on the result of a listing run. */
export async function runKlines(run: RunOptions, listed: Pick<Ended, 'output'>): Promise<Omit<Run, 'listing'>> {
  const log = emptyLog();
  const upstream = new Map([['listing', listed.output]]);
  return { klines: endOf(await klines.run(contextOf(run, run.klinesOptions ?? {}, upstream, log)), log), ...log };
}

/** Runs both, as a pipeline does. */
export async function runExtracts(run: RunOptions): Promise<Run> {
  const listed = await runListing(run);
  const staged = await runKlines(run, listed.listing);
  const warnings = [...listed.warnings, ...staged.warnings];
  return {
    listing: listed.listing,
    klines: staged.klines,
    warnings,
    progress: [...listed.progress, ...staged.progress],
  };
}

/** Every file below a folder as path → bytes in Latin-1. */
export function filesBelow(directory: string): ReadonlyMap<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files
      .map(({ parentPath, name }) => join(parentPath, name))
      .sort()
      .map((file) => [relative(directory, file), readFileSync(file, 'latin1')]),
  );
}

/** Only the staged CSVs. */
export const stagedCsvs = (stagingDir: string): ReadonlyMap<string, string> =>
  new Map([...filesBelow(stagingDir)].filter(([path]) => /^(spot|futures-..)\/.*\.csv$/.test(path)));

/** The ledger by archive name, such as `BTCUSDT-1d-2025-06-17`. */
export const ledgerOf = (stagingDir: string): ReadonlyMap<string, LedgerEntry> =>
  new Map([...Ledger.open(stagingDir).entries()].map((entry) => [entry.key.replace(/^.*\/|\.zip$/g, ''), entry]));

/** The rows of a feed, including the header, without CSV quoting. */
export async function feedRows(
  module: 'listing' | 'klines',
  stagingDir: string,
  file: string,
): Promise<readonly (readonly string[])[]> {
  const staged = await (module === 'listing' ? listing : klines).staged({ stagingDir, asOf });
  const feed = Object.values(staged.feeds ?? {})[0];
  await feed?.writeCsv(new Set(feed.partitions.keys()), file);
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(','));
}

export const keyOf = (period: string, symbol = 'BTCUSDT', timeframe = '1d', market = 'futures/um'): string =>
  `data/${market}/${period.length === 10 ? 'daily' : 'monthly'}/klines/${symbol}/${timeframe}/${symbol}-${timeframe}-${period}.zip`;

/** A 1d row that opens on this day. */
export const rowOf = (date: string, close = '1.7'): string => {
  const open = Date.parse(date);
  return `${open},1.5,2,1,${close},10,${open + day - 1},17,3,4,7,0`;
};
