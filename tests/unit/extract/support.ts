import { type ArchiveKey, formatKey, type Series } from '../../../exchange/keys.ts';
import { digestOf, type ListedObject } from '../../../extract/listing/series-state.ts';

export const dayMs = 86_400_000;

export const keyOf = (parts: Partial<ArchiveKey> = {}): ArchiveKey => ({
  instrument_type: 'futures-um',
  cadence: (parts.period ?? '2025-06-17').length === 10 ? 'daily' : 'monthly',
  symbol: 'BTCUSDT',
  timeframe: '1d',
  period: '2025-06-17',
  ...parts,
});

/** A line of a kline CSV that opens at this time, without a newline. */
export const line = (openTime: number | string, open = '1.5'): string =>
  `${openTime},${open},2,1,1.7,10,${openTime},17,3,4,7,0`;

/** A listed archive of one series; `edition` identifies its version. */
export const listedObject = (period: string, edition = 1): ListedObject => ({
  key: `key-${period}`,
  period,
  size_bytes: 100 + edition,
  etag: String(edition).padStart(32, '0'),
  last_modified: '2025-07-01T00:00:00.000Z',
  listed_at: '2025-07-02T00:00:00.000Z',
});

/** The first `count` days of a series from 2020 on, as listed. */
export const objectsOf = (series: Series, count: number): readonly ListedObject[] =>
  Array.from({ length: count }, (_, i) => {
    const period = new Date(Date.parse('2020-01-01') + i * dayMs).toISOString().slice(0, 10);
    return { ...listedObject(period), key: formatKey({ ...series, period }) };
  });

/** The head of a state with these objects. */
export const headOf = (objects: readonly ListedObject[]) => ({
  listed_whole_at: '2025-07-10T09:00:00.000Z',
  objects: objects.length,
  digest: digestOf(objects),
});
