/** What happened to a symbol on a day; `day` counts from the first of the history. */
export interface Cell {
  readonly symbol: string;
  readonly day: number;
  readonly listed: boolean;
  /** 0 means no bar. */
  readonly volume: number;
  readonly trades: number;
}

const gracePeriod = 30;
const leastPresence = 0.9;
const hour = 3_600_000;
const perpetual = /^[A-Z0-9]+(?<!SETTLED)$/;

/**
 * Computes volume_rankings from the rules of design.md section 5, without a database: one text per row, by day, rank
 * and symbol. `start` is the first day of the history.
 */
export function rankingsOf(cells: readonly Cell[], start: Date, asOf: Date): readonly string[] {
  const listed = new Map<string, Set<number>>();
  for (const { symbol, day } of cells.filter((cell) => cell.listed)) {
    listed.set(symbol, (listed.get(symbol) ?? new Set()).add(day));
  }
  const isAvailable = (symbol: string, day: number) => listed.get(symbol)?.has(day) ?? false;
  const published = Math.max(-1, ...[...listed.values()].flatMap((own) => [...own]));
  const hasRow = (symbol: string, day: number) => {
    const own = [...(listed.get(symbol) ?? [])];
    return own.length > 0 && day >= Math.min(...own) && day <= Math.min(Math.max(...own) + gracePeriod, published);
  };
  const isComplete = (day: number) => {
    const expected = [...listed.keys()].filter((symbol) => isAvailable(symbol, day - 1));
    const arrived = expected.filter((symbol) => isAvailable(symbol, day));
    return (
      arrived.length >= leastPresence * expected.length || start.getTime() + (day + 3) * 24 * hour < asOf.getTime()
    );
  };
  const cohort = (day: number) =>
    cells.filter(
      (cell) =>
        cell.day === day &&
        cell.volume > 0 &&
        cell.trades > 0 &&
        cell.symbol.endsWith('USDT') &&
        perpetual.test(cell.symbol) &&
        hasRow(cell.symbol, day),
    );
  const ranks = new Map<string, number>();
  const rows: string[] = [];
  for (let day = 0; day <= published; day += 1) {
    const members = isComplete(day) ? cohort(day) : [];
    const volumes = [...new Set(members.map(({ volume }) => volume))].sort((a, b) => b - a);
    const total = members.reduce((sum, { volume }) => sum + volume, 0);
    const ranked = members.map((member) => ({ ...member, rank: volumes.indexOf(member.volume) + 1 }));
    ranked.sort((a, b) => a.rank - b.rank || (a.symbol < b.symbol ? -1 : 1));
    for (const { symbol, rank, volume, trades } of ranked) {
      ranks.set(`${symbol} ${day}`, rank);
      const change = (days: number) => {
        const before = ranks.get(`${symbol} ${day - days}`);
        return before === undefined ? null : rank - before;
      };
      const larger = members.filter((other) => other.volume > volume).length;
      const percentile = members.length === 1 ? 0 : Math.fround((100 * larger) / (members.length - 1));
      const share = Math.fround((100 * volume) / total);
      const available = Array.from({ length: 30 }, (_, i) => ranks.has(`${symbol} ${day - i}`)).filter(Boolean).length;
      const date = new Date(start.getTime() + day * 24 * hour).toISOString().slice(0, 10);
      const changes = [1, 7, 14, 30].map(change);
      rows.push([date, symbol, rank, volume, trades, ...changes, percentile, share, available].join('|'));
    }
  }
  return rows;
}
