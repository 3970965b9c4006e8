import { type Expression, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { instrumentTypes } from '../../exchange/vocabulary.ts';
import { anyInstrumentType } from '../parameters/choice.ts';
import { defineQuestion } from '../question.ts';
import { count } from '../sql.ts';

const statuses = ['rejected', 'absent', 'failed'];

/** The market whose tree a key is in: `data/spot/…`, `data/futures/um/…`. */
const marketOf = (key: Expression<string>) =>
  cast(
    'VARCHAR',
    sql`case ${sql.join(
      instrumentTypes.map(
        (name) => sql`when starts_with(${key}, ${sql.lit(`data/${name.replace('-', '/')}/`)}) then ${sql.lit(name)}`,
      ),
      sql` `,
    )} else 'unknown' end`,
  );

/** Archives that are in no table, and why. */
export const rejected = defineQuestion({
  name: 'rejected',
  description: 'Archives that were asked for and are in no table, and why.',
  parameters: { instrumentType: anyInstrumentType },
  query: (db, { instrumentType }) =>
    db
      .selectFrom('staged_archives as staged')
      .leftJoin('archive_objects as object', 'object.key', 'staged.key')
      .where('staged.status', 'in', statuses)
      .$if(instrumentType !== 'all', (found) =>
        found.where(({ ref }) => sql<boolean>`${marketOf(ref('staged.key'))} = ${sql.lit(instrumentType)}`),
      )
      .orderBy('staged.status')
      .orderBy('staged.key')
      .select([
        'staged.status',
        'object.symbol',
        'object.timeframe',
        'object.period_start',
        'staged.reason',
        'staged.key',
        'staged.staged_at',
      ]),
  market: ({ instrumentType }) => (instrumentType === 'all' ? 'all markets' : instrumentType),
  async check({ db, rows }, { instrumentType }) {
    if (instrumentType === 'all') return [];
    const others = await rows(
      db
        .selectFrom('staged_archives')
        .where('status', 'in', statuses)
        .where(({ ref }) => sql<boolean>`${marketOf(ref('key'))} <> ${sql.lit(instrumentType)}`)
        .groupBy(({ ref }) => marketOf(ref('key')))
        .select(({ ref }) => [marketOf(ref('key')).as('market'), count().as('archives')])
        .orderBy('market'),
    );
    return others.map(({ market, archives }) => `${archives} more of ${market}: --instrument-type ${market}`);
  },
  examples: ['rejected', 'rejected --instrument-type all --format json'],
});
