import { z } from 'zod';
import type { Reader } from '../../engine/for-commands.ts';
import { defineErrors, PipelineError } from '../../engine/index.ts';
import { countWhere, epochMicroseconds, max, min } from '../../engine/vocabulary/index.ts';
import { type Slots, slotsOf } from '../../exchange/slots.ts';
import { longestSlot, type Timeframe, timeframeNames } from '../../exchange/timeframes.ts';
import { cadences, type InstrumentType, instrumentTypes } from '../../exchange/vocabulary.ts';
import type { Database } from '../../models/schema.ts';
import { searchedSeries, series } from '../series.ts';
import { createRowsDigest, digestDefinition } from './rows-digest.ts';

/** The errors of a question in addition to the engine's. */
export const CertificateError = defineErrors({ CERTIFICATE_DIFFERS: 1 });
export type QueryErrorCode = ConstructorParameters<typeof CertificateError>[0];

export interface SeriesName {
  readonly instrument_type: InstrumentType;
  readonly symbol: string;
  readonly timeframe: Timeframe;
}

const count = z.int().min(0);
const time = z.iso.datetime();

/** The contents of a certificate; times are UTC. */
export const certificateShape = z.strictObject({
  certificate: z.literal(1),
  instrument_type: z.enum(instrumentTypes),
  symbol: z.string(),
  timeframe: z.enum(timeframeNames),
  /** True for the synthetic values of the target `sample`. */
  synthetic: z.boolean(),
  /** Slots `[start, end)`. */
  start: time,
  end: time,
  /** Numbers of slots: expected, present and missing. */
  expected: count,
  present: count,
  missing: count,
  rows: count,
  first_open_time: time.nullable(),
  last_open_time: time.nullable(),
  /** Bars that do not open at the start of their slot (A8). */
  off_grid: count,
  zero_volume: count,
  /** Rows that no archive contains (yet). */
  rest_rows: count,
  digest: z.string(),
  digest_of: z.string(),
  gaps: z.array(
    z.strictObject({ start: time, end: time, missing_bars: count, cause: z.string(), evidence: z.string() }),
  ),
  archives: z.array(z.strictObject({ key: z.string(), sha256: z.string().nullable(), rows: count.nullable() })),
});

export type Certificate = z.infer<typeof certificateShape>;

interface Range {
  readonly start?: Date;
  readonly end?: Date;
}

/** Rows that are read at once, about 100 MB. */
const rowsOfSlice = 500_000;

/**
 * Certifies what the warehouse has and lacks of a series, within `range` if given.
 * @throws PipelineError TABLE_MISSING if gaps were not built, CERTIFICATE_DIFFERS if they do not match the bars
 */
export async function certify(
  reader: Reader<Database>,
  name: SeriesName,
  options: { readonly synthetic: boolean; readonly range?: Range },
): Promise<Certificate> {
  const { instrument_type: instrumentType, symbol, timeframe } = name;
  const { range } = options;
  const wanted = { instrumentType, symbol, timeframe, start: range?.start, end: range?.end };
  const gaps = await gapsOf(reader, name, range);
  const [bounds] = await reader.rows(
    series(reader.db, wanted).select(({ eb, ref }) => [
      epochMicroseconds(min(ref('timestamp'))).as('first'),
      epochMicroseconds(max(ref('timestamp'))).as('last'),
      countWhere(eb('data_source', '=', 'rest')).as('rest_rows'),
    ]),
  );
  const first = bounds?.first == null ? undefined : Number(bounds.first);
  const last = bounds?.last == null ? undefined : Number(bounds.last);
  const calendar = slotsOf(timeframe, first ?? Number(gaps[0]?.start ?? 0) * 1000, 1000);
  const read = await readBars(reader, wanted, { first, last, calendar });

  const gapStarts = gaps.map(({ start }) => start * 1000);
  const gapEnds = gaps.map(({ end }) => end * 1000);
  const starts = [...gapStarts, ...(first === undefined ? [] : [calendar.opensAt(calendar.slotOf(first))])];
  const ends = [...gapEnds, ...(last === undefined ? [] : [calendar.opensAt(calendar.slotOf(last) + 1)])];
  const start = Math.min(...starts);
  const end = Math.max(...ends);
  const expected = calendar.slotOf(end) - calendar.slotOf(start);
  const missing = gaps.reduce((sum, { missing_bars }) => sum + missing_bars, 0);
  if (starts.length === 0) throw nothingThere(name);
  if (expected !== read.present + missing) {
    throw new CertificateError(
      'CERTIFICATE_DIFFERS',
      `${describeSeries(name)} has ${read.present} of ${expected} slots, but its gaps have ${missing}`,
      { hint: 'rebuild the gaps: pnpm pipeline run --select +gaps' },
    );
  }
  return {
    certificate: 1,
    ...{ instrument_type: instrumentType, symbol, timeframe, synthetic: options.synthetic },
    ...{ start: isoOf(start), end: isoOf(end), expected, present: read.present, missing },
    rows: read.rows,
    first_open_time: first === undefined ? null : isoOf(first),
    last_open_time: last === undefined ? null : isoOf(last),
    ...{ off_grid: read.offGrid, zero_volume: read.zeroVolume, rest_rows: Number(bounds?.rest_rows ?? 0) },
    ...{ digest: read.digest, digest_of: digestDefinition },
    gaps: gaps.map((gap) => ({ ...gap, start: isoOf(gap.start * 1000), end: isoOf(gap.end * 1000) })),
    archives: await archivesOf(reader, name, { start, end }),
  };
}

export const describeSeries = ({ instrument_type, symbol, timeframe }: SeriesName): string =>
  `${instrument_type} ${symbol} ${timeframe}`;

const nothingThere = (name: SeriesName) =>
  new CertificateError('CERTIFICATE_DIFFERS', `the warehouse has no data of ${describeSeries(name)} in that range`, {
    hint: 'load it: pnpm pipeline run',
  });

/** Returns the gaps of a series, cut to the range, in ms since 1970. */
async function gapsOf(reader: Reader<Database>, name: SeriesName, range: Range | undefined) {
  const { instrument_type, symbol, timeframe } = name;
  const built = await reader.rows(
    reader.db
      .selectFrom(searchedSeries(reader.db).as('one'))
      .where('one.instrument_type', '=', instrument_type)
      .where('one.symbol', '=', symbol)
      .where('one.timeframe', '=', timeframe)
      .selectAll(),
  );
  if (built.length === 0) {
    throw new PipelineError('TABLE_MISSING', `the gaps of ${describeSeries(name)} have not been built`, {
      hint: 'build them: pnpm pipeline run --select +gaps',
    });
  }
  const found = await reader.rows(
    reader.db
      .selectFrom('gaps')
      .where('instrument_type', '=', instrument_type)
      .where('symbol', '=', symbol)
      .where('timeframe', '=', timeframe)
      .orderBy('gap_start')
      .select(['gap_start', 'gap_end', 'missing_bars', 'cause', 'evidence']),
  );
  return found.flatMap(({ gap_start, gap_end, missing_bars, cause, evidence }) => {
    const [start, end] = [gap_start.getTime(), gap_end.getTime()];
    const from = Math.max(start, range?.start?.getTime() ?? start);
    const to = Math.min(end, range?.end?.getTime() ?? end);
    if (from >= to) return [];
    const { slotOf } = slotsOf(timeframe, start);
    const bars = from === start && to === end ? Number(missing_bars) : slotOf(to) - slotOf(from);
    return [{ start: from, end: to, missing_bars: bars, cause, evidence }];
  });
}

/** Reads every row once, ordered by time, in slices, so that memory does not grow with the length of the series. */
async function readBars(
  reader: Reader<Database>,
  wanted: Parameters<typeof series>[1],
  { first, last, calendar }: { first: number | undefined; last: number | undefined; calendar: Slots },
) {
  const digest = createRowsDigest();
  const read = { rows: 0, present: 0, offGrid: 0, zeroVolume: 0 };
  let lastSlot: number | undefined;
  const sliceMs = rowsOfSlice * longestSlot(wanted.timeframe);
  const end = last === undefined ? 0 : Math.floor(last / 1000) + 1;
  for (let from = Math.floor((first ?? 0) / 1000); from < end; from += sliceMs) {
    // Ends at the last bar: a whole slice of months could reach a year with more digits than DuckDB reads.
    const slice = { ...wanted, start: new Date(from), end: new Date(Math.min(from + sliceMs, end)) };
    const columns = await reader.columns(
      series(reader.db, slice)
        .$if(wanted.end !== undefined, (bars) => bars.where('timestamp', '<', wanted.end as Date))
        .orderBy('timestamp')
        .select(({ ref }) => [
          epochMicroseconds(ref('timestamp')).as('open_time_us'),
          'open',
          'high',
          'low',
          'close',
          'volume',
          'quote_asset_volume',
          'number_of_trades',
          'taker_buy_base_asset_volume',
          'taker_buy_quote_asset_volume',
        ]),
    );
    digest.push(columns.open_time_us, columns);
    read.rows += columns.open_time_us.length;
    for (const us of columns.open_time_us) {
      const slot = calendar.slotOf(us);
      if (slot !== lastSlot) read.present++;
      if (calendar.opensAt(slot) !== us) read.offGrid++;
      lastSlot = slot;
    }
    for (const volume of columns.volume) if (volume === 0) read.zeroVolume++;
  }
  return { ...read, digest: digest.digest() };
}

/** Every archive that was read for a bar of the range. */
async function archivesOf(reader: Reader<Database>, name: SeriesName, { start, end }: { start: number; end: number }) {
  const { instrument_type, symbol, timeframe } = name;
  const found = await reader.rows(
    reader.db
      .selectFrom('staged_archives')
      .where('status', 'in', ['staged', 'loaded'])
      .where('instrument_type', '=', instrument_type)
      .where('symbol', '=', symbol)
      .where('timeframe', '=', timeframe)
      .where('cadence', 'in', cadences)
      .orderBy('key')
      .select(['key', 'sha256', 'row_count', 'first_open_time', 'last_open_time']),
  );
  return found
    .filter(
      ({ first_open_time, last_open_time }) =>
        (first_open_time === null || first_open_time.getTime() * 1000 < end) &&
        (last_open_time === null || last_open_time.getTime() * 1000 >= start),
    )
    .map(({ key, sha256, row_count }) => ({ key, sha256, rows: row_count === null ? null : Number(row_count) }));
}

/** Returns the range of a certificate. */
export const rangeOf = ({ start, end }: Certificate): Range => ({
  start: new Date(usOf(start) / 1000),
  end: new Date(usOf(end) / 1000),
});

/** Formats µs since 1970 as `2018-02-09T09:28:14.789Z`, with µs if there are any. */
export function isoOf(us: number): string {
  const text = new Date(Math.floor(us / 1000)).toISOString();
  const rest = us % 1000;
  return rest === 0 ? text : text.replace('Z', `${String(rest).padStart(3, '0')}Z`);
}

/** Parses the output of `isoOf` to µs since 1970. */
export function usOf(iso: string): number {
  const [, rest = '0'] = /\.\d{3}(\d{3})Z$/.exec(iso) ?? [];
  return Date.parse(iso.replace(/(\.\d{3})\d{3}Z$/, '$1Z')) * 1000 + Number(rest);
}
