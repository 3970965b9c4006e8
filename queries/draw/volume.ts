import { formatAmount } from '../../engine/for-commands.ts';
import type { Canvas } from '../question.ts';
import { drawTrend } from './trend.ts';

interface VolumeDay {
  readonly date: Date;
  readonly symbol: string;
  readonly quote_volume_usdt: number | null;
  readonly mean_7d: number | null;
}

/** Turnover of each day above its mean of 7 days. */
export function drawVolume(days: readonly VolumeDay[], canvas: Canvas): readonly string[] {
  const write = (value: number) => `${formatAmount(value)} USDT`;
  return drawTrend(
    days,
    [
      { label: 'volume', read: (day) => day.quote_volume_usdt, write },
      { label: '7 days', read: (day) => day.mean_7d, write },
    ],
    canvas,
  );
}
