import { closest, PipelineError } from '../../engine/index.ts';
import { type DailyTable, emptyTable } from './day.ts';
import type { Parameter, PlainParameter } from './parameter.ts';

const description = 'symbol in any case, BTC/USDT too';

/** The name that the archive would use: `btc/usdt` is `BTCUSDT`. */
const spelled = (symbol: string): string => symbol.replaceAll('/', '').toUpperCase();

/** A symbol that a table has rows of. Throws USAGE with the nearest name, TABLE_MISSING for an empty table. */
export const symbol = (table: DailyTable): Parameter<string, string> => ({
  description,
  async resolve(given, { key, reader }) {
    const name = spelled(given);
    const known = (await reader.rows(reader.db.selectFrom(table).distinct().select('symbol'))).map((row) => row.symbol);
    if (known.includes(name)) return name;
    if (known.length === 0) throw emptyTable(table);
    throw new PipelineError('USAGE', `${table} has no symbol ${name}`, {
      key,
      value: given,
      hint: closest(name, known) ?? 'see the symbols of a day: pnpm pipeline query snapshot latest',
    });
  },
});

/** A symbol as the archive would spell it; whether it is there is for the question to check. */
export const anySymbol: PlainParameter<string, string> = { description, resolve: spelled };

/** The same as an option; all symbols by default. */
export const symbolOption: PlainParameter<string | undefined, string | undefined> = {
  flags: '--symbol <name>',
  description: `${description}; all by default`,
  resolve: (given) => (given === undefined ? undefined : spelled(given)),
};
