import { stat } from 'node:fs/promises';
import { diskError } from '../disk-error.ts';
import { isAbort, PipelineError } from '../errors.ts';
import { quoteName } from '../sql.ts';
import { openWarehouse, type Warehouse } from './warehouse.ts';

/**
 * Opens a database file and reads all of it: DuckDB holds every block that it reads to its checksum.
 * @param check looks at the open database as well
 * @throws PipelineError WAREHOUSE_UNREADABLE where a block is damaged or missing, and as `openWarehouse`
 */
export async function verifyDatabase(
  file: string,
  {
    check = async () => {},
    signal,
  }: { readonly check?: (database: Warehouse) => Promise<void>; readonly signal?: AbortSignal },
): Promise<void> {
  await using database = await openWarehouse({ file, readOnly: true, ...(signal !== undefined && { signal }) });
  await check(database);
  try {
    await expectAllBlocks(database);
    for (const table of await tablesOf(database)) {
      await database.rows(`SELECT bit_xor(hash(*COLUMNS(*))) FROM ${table}`);
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (isAbort(error) || diskError(error) !== error) throw error;
    throw new PipelineError('WAREHOUSE_UNREADABLE', `it is damaged: ${(error as Error).message}`, {
      file,
      hint: 'use another backup: pnpm pipeline doctor says which ones are whole',
      cause: error,
    });
  }
}

const headersSize = 3 * 4096;

/** A cut may take blocks away that no table reads: those of an index. */
async function expectAllBlocks(database: Warehouse): Promise<void> {
  const { block_size, total_blocks } = await database.row<{ block_size: bigint; total_blocks: bigint }>(
    'SELECT block_size, total_blocks FROM pragma_database_size()',
  );
  const whole = headersSize + Number(block_size * total_blocks);
  const { size } = await stat(database.file);
  if (size < whole) throw new Error(`it has ${size} bytes of ${whole}`);
}

async function tablesOf(database: Warehouse): Promise<readonly string[]> {
  const tables = await database.rows<{ schema_name: string; table_name: string }>(
    'SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary ORDER BY ALL',
  );
  return tables.map(({ schema_name, table_name }) => `${quoteName(schema_name)}.${quoteName(table_name)}`);
}
