import { formatAmount } from '../../engine/for-commands.ts';
import type { Canvas } from '../question.ts';
import { drawTrend } from './trend.ts';

interface RankedDay {
  readonly date: Date;
  readonly symbol: string;
  readonly rank: number | null;
  readonly quote_volume_usdt: number | null;
}

/** Rank, the first on top, above turnover. */
export const drawRank = (days: readonly RankedDay[], canvas: Canvas): readonly string[] =>
  drawTrend(
    days,
    [
      { label: 'rank', read: ({ rank }) => rank, smallIsHigh: true, write: (value) => `#${value}` },
      { label: 'volume', read: (day) => day.quote_volume_usdt, write: (value) => `${formatAmount(value)} USDT` },
    ],
    canvas,
  );
