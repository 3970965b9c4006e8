import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBResult,
  ResultReturnType,
  JSDuckDBValueConverter as toJs,
} from '@duckdb/node-api';
import { PipelineError } from '../errors.ts';
import { machineFault } from '../machine-fault.ts';
import { quoteName, quoteText, timestampLiteral } from '../sql.ts';
import { evidenceOf, idOf, lostWarehouse, stateOfFile, warehouseOfOther } from '../target/lost.ts';
import { walOf } from '../target/paths.ts';
import { readOrigin } from './origin.ts';
import { makeWalFolders } from './wal-file.ts';

export type Row = Readonly<Record<string, unknown>>;

export interface WarehouseOptions {
  /** Path of the database, or `:memory:`. */
  readonly file: string;
  readonly readOnly?: boolean;
  /** DuckDB's threads; DuckDB decides by default. */
  readonly threads?: number;
  /** In DuckDB's notation: `4GB`. */
  readonly memoryLimit?: string;
  /** The run's clock, which models and tests read as `getvariable('as_of')`. */
  readonly asOf?: Date;
  /** Time to wait for a process that holds the file, in ms; 0 tries once. */
  readonly waitMs?: number;
  /** Creates a new warehouse, even if the files next to it show that there was one. */
  readonly anew?: boolean;
  readonly signal?: AbortSignal;
  /** Called before each transaction is committed; if it throws, the transaction is rolled back. */
  readonly beforeCommit?: () => void;
}

/** One connection to one DuckDB file. DATE and TIMESTAMP are returned as UTC `Date`, BIGINT as bigint. */
export class Warehouse implements AsyncDisposable {
  readonly file: string;
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #signal: AbortSignal | undefined;
  readonly #beforeCommit: (() => void) | undefined;
  readonly #interrupt: () => void;
  readonly #walFolders: Disposable | undefined;

  constructor(
    { file, signal, beforeCommit }: WarehouseOptions,
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    walFolders?: Disposable,
  ) {
    this.file = file;
    this.#beforeCommit = beforeCommit;
    this.#instance = instance;
    this.#connection = connection;
    this.#walFolders = walFolders;
    this.#signal = signal;
    this.#interrupt = () => connection.interrupt();
    signal?.addEventListener('abort', this.#interrupt);
  }

  /** Runs one statement for its effect; returns the number of rows it changed, if DuckDB reports it. */
  async run(sql: string): Promise<number> {
    return this.#guard(async () => (await this.#connection.run(sql)).rowsChanged);
  }

  async rows<T extends object = Row>(sql: string): Promise<readonly T[]> {
    return this.#guard(async () => {
      const result = await this.#connection.run(sql);
      const names = result.deduplicatedColumnNames();
      const chunks = await result.fetchAllChunks();
      return chunks.flatMap((chunk) => rowObjects(chunk, names)) as T[];
    });
  }

  /** Returns the only row of a query. */
  async row<T extends object = Row>(sql: string): Promise<T> {
    const [row] = await this.rows<T>(sql);
    if (row === undefined) throw new PipelineError('INTERNAL', `no row from: ${sql}`);
    return row;
  }

  /** Returns the tables that a query names, in alphabetical order, without running it. */
  tablesIn(sql: string): readonly string[] {
    return this.#connection.getTableNames(sql, false).toSorted();
  }

  /** Streams a result while it is computed, on its own connection, so that other results can be read meanwhile. */
  async *stream<T>(sql: string, read: (result: DuckDBResult) => AsyncIterable<T>): AsyncGenerator<T> {
    this.#signal?.throwIfAborted();
    const connection = await this.#instance.connect();
    const interrupt = () => connection.interrupt();
    this.#signal?.addEventListener('abort', interrupt);
    try {
      const result = await connection.stream(sql);
      yield* read(result);
      // An interrupted or failed stream ends as if it were complete; only this type reveals it.
      this.#signal?.throwIfAborted();
      if (result.returnType === ResultReturnType.INVALID) {
        await connection.run(sql); // fails with the message that a stream hides
        throw new PipelineError('INTERNAL', `a result ended too early: ${sql}`);
      }
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw damageOf(error, this.file);
    } finally {
      this.#signal?.removeEventListener('abort', interrupt);
      connection.closeSync();
    }
  }

  /** Commits the changes of `work`, or rolls all of them back if it throws. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.run('BEGIN TRANSACTION');
    try {
      const result = await work();
      this.#beforeCommit?.();
      await this.run('COMMIT');
      return result;
    } catch (error) {
      await this.#connection.run('ROLLBACK').catch(() => undefined); // a failed COMMIT has already rolled back
      throw error;
    }
  }

  async setVariable(name: string, value: string | readonly string[]): Promise<void> {
    const literal = typeof value === 'string' ? quoteText(value) : `[${value.map(quoteText).join(', ')}]::VARCHAR[]`;
    await this.run(`SET VARIABLE ${quoteName(name)} = ${literal}`);
  }

  /** Sets a variable that SQL reads as a UTC TIMESTAMP. */
  async setTime(name: string, time: Date): Promise<void> {
    await this.run(`SET VARIABLE ${quoteName(name)} = ${timestampLiteral(time)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#interrupt);
    this.#connection.closeSync();
    this.#instance.closeSync();
    this.#walFolders?.[Symbol.dispose]();
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    this.#signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      this.#signal?.throwIfAborted(); // an interrupted statement fails with its own message
      throw damageOf(error, this.file);
    }
  }
}

/**
 * Opens a database file, waiting for other processes that hold it.
 * @throws PipelineError WAREHOUSE_MISSING if `readOnly` and there is no file (B17), WAREHOUSE_LOST if there was one
 * (B24), WAREHOUSE_LOCKED after the wait, WAREHOUSE_UNREADABLE for a file that is not a complete database, which is
 * never replaced by a new one (B14)
 */
export async function openWarehouse(options: WarehouseOptions): Promise<Warehouse> {
  const { file, readOnly = false, threads, memoryLimit, asOf, waitMs = 0, anew = false, signal } = options;
  const isNew = file === ':memory:' || (await prepareFile(file, { readOnly, anew }));
  const settings: Record<string, string> = { access_mode: readOnly ? 'READ_ONLY' : 'AUTOMATIC' };
  if (threads !== undefined) settings.threads = String(threads);
  if (memoryLimit !== undefined) settings.memory_limit = memoryLimit;
  const walFolders = readOnly ? undefined : makeWalFolders(file);
  const instance = await createWhenFree(file, settings, waitMs, signal).catch((error: unknown) => {
    walFolders?.[Symbol.dispose]();
    throw error;
  });
  const connection = await instance.connect();
  const warehouse = new Warehouse(options, instance, connection, walFolders);
  try {
    await warehouse.run("SET GLOBAL TimeZone = 'UTC'"); // also applies to the connections of streams
    if (asOf !== undefined) await warehouse.setTime('as_of', asOf);
    if (!isNew) await expectOwn(warehouse, anew);
    return warehouse;
  } catch (error) {
    await warehouse[Symbol.asyncDispose]();
    throw error;
  }
}

/** Ensures that there is a file to open, or that a new one may be created; returns true if it will be new. */
async function prepareFile(file: string, { readOnly, anew }: { readOnly: boolean; anew: boolean }): Promise<boolean> {
  const state = stateOfFile(file);
  if (state === 'there') return false;
  const evidence = evidenceOf(file);
  if (evidence !== undefined && (readOnly || !anew)) throw lostWarehouse(file, state, evidence);
  if (readOnly) {
    throw new PipelineError('WAREHOUSE_MISSING', `there is no warehouse at ${file}`, {
      hint: 'build one: pnpm pipeline run',
    });
  }
  if (evidence !== undefined) await setAside(file);
  else if (state !== 'missing') await rm(file); // left by a full disk or a kill during creation: it never had a row
  await mkdir(path.dirname(file), { recursive: true });
  return true;
}

/** Rejects a database that is not the warehouse described by the files next to it. */
async function expectOwn(warehouse: Warehouse, anew: boolean): Promise<void> {
  const { file } = warehouse;
  const evidence = evidenceOf(file);
  const id = idOf(file);
  if (evidence === undefined && id === undefined) return;
  const origin = await readOrigin(warehouse);
  if (!anew && evidence !== undefined && origin === undefined && (await hasNoTables(warehouse))) {
    throw lostWarehouse(file, 'the warehouse has no tables', evidence);
  }
  // A warehouse of an earlier version has no id, and neither does its target before the next run.
  const isOther = id !== undefined && origin?.id !== id;
  if (isOther && (origin !== undefined || evidence !== undefined)) throw warehouseOfOther(file, evidence);
}

const hasNoTables = async (warehouse: Warehouse): Promise<boolean> =>
  (await warehouse.rows('SELECT 1 FROM duckdb_tables() WHERE NOT internal LIMIT 1')).length === 0;

/** Moves the remains of a warehouse out of the way of a new one. */
async function setAside(file: string): Promise<void> {
  let aside = `${file}.damaged`;
  for (let number = 2; existsSync(aside) || existsSync(walOf(aside)); number++) aside = `${file}.damaged-${number}`;
  for (const [from, to] of [
    [file, aside],
    [walOf(file), walOf(aside)],
  ] as const)
    if (existsSync(from)) await rename(from, to);
}

const retryEveryMs = 200;

async function createWhenFree(
  file: string,
  settings: Record<string, string>,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<DuckDBInstance> {
  for (let waited = 0; ; waited += retryEveryMs) {
    signal?.throwIfAborted();
    try {
      return await DuckDBInstance.create(file, settings);
    } catch (error) {
      if (settings.access_mode === 'READ_ONLY' && isUnreplayed(error)) {
        // A run was killed after it created an index: DuckDB cannot replay that read-only, so it is replayed for good.
        (await DuckDBInstance.create(file)).closeSync();
        continue;
      }
      const holder = lockHolder(error);
      if (holder === undefined) throw failureToOpen(file, error);
      if (waited >= waitMs) {
        throw new PipelineError('WAREHOUSE_LOCKED', `${file} is in use by ${holder}`, {
          hint: 'close it there, or wait until it has finished, and run again',
          cause: error,
        });
      }
      await sleep(retryEveryMs, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** A fault of the machine is not damage: a full disk (DuckDB writes as it opens) or a missing permission. */
function failureToOpen(file: string, cause: unknown): unknown {
  const fault = machineFault(cause, file);
  if (fault !== cause) return fault;
  return unreadable(file, `DuckDB cannot open it: ${(cause as Error).message}`, cause);
}

const unreadable = (file: string, message: string, cause: unknown) =>
  new PipelineError('WAREHOUSE_UNREADABLE', message, {
    file,
    hint: 'restore a backup (pnpm pipeline migrate restore FILE), or move it away and rebuild it from the staged files: pnpm pipeline run --full-refresh',
    cause,
  });

/**
 * Each block of a database has a checksum, which DuckDB verifies when it reads the block, long after opening the file.
 */
function damageOf(thrown: unknown, file: string): unknown {
  const error = machineFault(thrown, file); // the error that ended a statement may have invalidated the database, too
  const isDamage = error instanceof Error && !(error instanceof PipelineError) && damageWords.test(error.message);
  return isDamage ? unreadable(file, `a block of it is damaged: ${error.message}`, error) : error;
}

const damageWords = /Corrupt database file|Could not read enough bytes from file|database has been invalidated/;

const isUnreplayed = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('Failure while replaying WAL file');

/** DuckDB's errors have no code, so their text decides: `Conflicting lock is held in /usr/bin/duckdb (PID 42)`. */
function lockHolder(error: unknown): string | undefined {
  const text = error instanceof Error ? error.message : '';
  if (!text.includes('Could not set lock on file')) return undefined;
  return /Conflicting lock is held in (.+?\(PID \d+\))/.exec(text)?.[1] ?? 'another process';
}

/**
 * Returns the rows of a chunk as objects, DATE and TIMESTAMP as UTC `Date`, BIGINT as bigint. Reads column by column,
 * which takes a fifth of the time of the binding's own method, as that calls DuckDB for every row.
 */
export function rowObjects(chunk: DuckDBDataChunk, names: readonly string[]): Record<string, unknown>[] {
  const rows = Array.from({ length: chunk.rowCount }, (): Record<string, unknown> => ({}));
  names.forEach((name, column) => {
    const vector = chunk.getColumnVector(column);
    const { type } = vector;
    rows.forEach((row, at) => {
      row[name] = toJs(vector.getItem(at), type, toJs);
    });
  });
  return rows;
}
