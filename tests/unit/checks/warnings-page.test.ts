import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { modelWarnings } from '../../../engine/duckdb/compiled-model.ts';
import klines from '../../../extract/klines.ts';
import listing from '../../../extract/listing.ts';
import rest from '../../../extract/rest.ts';
import { tableRows } from '../../checks/markdown.ts';
import { root } from '../../support/pipeline.ts';

test('docs/pipeline.md documents every kind of warning and no others', async () => {
  const page = await readFile(join(root, 'docs/pipeline.md'), 'utf8');
  const [, section = ''] = page.split('\n## Acknowledged warnings\n');
  const documented = tableRows(section).map(({ cells: [kind = '', text = ''] }) => [kind.replaceAll('`', ''), text]);
  // An extract may warn of the same rejects as a model.
  const kinds = { ...modelWarnings, ...listing.warnings, ...klines.warnings, ...rest.warnings };
  expect(Object.fromEntries(documented)).toEqual(kinds);
  expect(documented).toHaveLength(Object.keys(kinds).length);
});
