import { type BarSeries, barSeriesId, parseKey, parseRestKey, type RestKey } from '../../exchange/keys.ts';
import type { ArchiveListing } from '../listing/archive-listing.ts';
import type { Scope } from '../options.ts';
import type { LedgerEntry } from '../staging/entry.ts';
import type { Ledger } from '../staging/ledger.ts';
import { type StagedArchive, stagedArchive } from './coverage.ts';

/** A series, and what is staged of it. */
export interface StagedSeries {
  readonly series: BarSeries;
  readonly archives: readonly StagedArchive[];
  /** Files of the exchange's bars. */
  readonly files: readonly { readonly key: RestKey; readonly entry: LedgerEntry }[];
}

/** Every series of the listing that is asked for, with what is staged of it. */
export function stagedSeries(listing: ArchiveListing, scope: Scope, ledger: Ledger): readonly StagedSeries[] {
  const { instrument_types, timeframes, symbols } = scope;
  const found = new Map<
    string,
    { series: BarSeries; archives: StagedArchive[]; files: { key: RestKey; entry: LedgerEntry }[] }
  >();
  for (const { series } of listing.series) {
    const { instrument_type, timeframe, symbol } = series;
    if (!instrument_types.includes(instrument_type) || !timeframes.includes(timeframe)) continue;
    if (symbols.length > 0 && !symbols.includes(symbol)) continue;
    found.set(barSeriesId(series), { series: { instrument_type, timeframe, symbol }, archives: [], files: [] });
  }
  for (const entry of ledger.entries()) {
    const key = parseKey(entry.key);
    const archive = key && stagedArchive(key, entry);
    if (archive) found.get(barSeriesId(archive.key))?.archives.push(archive);
    const file = key === undefined ? parseRestKey(entry.key) : undefined;
    if (file) found.get(barSeriesId(file))?.files.push({ key: file, entry });
  }
  return [...found.values()];
}
