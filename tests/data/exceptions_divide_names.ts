import { concat } from '../../engine/vocabulary/index.ts';
import { defineDataTest } from '../../models/define.ts';

export default defineDataTest({
  description: 'Each name of the seed symbol_exceptions is its base asset followed by its quote asset.',
  failures: ({ db }) =>
    db
      .selectFrom('symbol_exceptions')
      .where(({ eb, ref }) => eb('name', '<>', concat(ref('base_asset'), ref('quote_asset'))))
      .selectAll(),
});
