import { randomUUID } from 'node:crypto';
import { isUnbuilt, readOrigin, type Warehouse, writeOrigin } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import { evidenceOf, hasExports, lostWarehouse } from './lost.ts';
import { readRecord, updateRecord } from './record.ts';

/** Ties a target and its warehouse together: each stores the id of the other. */
export interface WarehouseClaim {
  /**
   * Rejects a warehouse with the other kind of data, or one that has lost its tables or everything that runs have
   * built. One with another id is rejected by `openWarehouse`.
   * @throws PipelineError WAREHOUSE_LOST, ARCHIVE_DIFFERS
   */
  expectOwn(warehouse: Warehouse, lacksTables: boolean): Promise<void>;
  /** Gives a warehouse the target's id if it has none. For a new warehouse, part of the transaction that creates it. */
  stamp(warehouse: Warehouse): Promise<void>;
  /** Records that there is a warehouse. If a kill prevents that, the next run does it. */
  note(warehouse: Warehouse): Promise<void>;
}

export function createClaim(options: {
  readonly root: string;
  readonly synthetic: boolean;
  /** True if the run rebuilds the whole warehouse. */
  readonly anew: boolean;
  readonly now: Date;
}): WarehouseClaim {
  const { root, synthetic, anew, now } = options;

  return {
    async expectOwn(warehouse, lacksTables) {
      const { file } = warehouse;
      const record = readRecord(root);
      const evidence = evidenceOf(file);
      if (lacksTables) {
        if (evidence === undefined || anew) return;
        throw lostWarehouse(file, 'the warehouse has no tables', evidence);
      }
      const origin = await readOrigin(warehouse);
      if (origin !== undefined && origin.synthetic !== synthetic) throw ofOtherKind(file, origin.synthetic);
      if (evidence === undefined || anew) return;
      const isPublished = record?.warehouse?.published_at !== undefined || hasExports(root);
      if (isPublished && (await isUnbuilt(warehouse))) {
        throw lostWarehouse(file, 'the warehouse contains nothing that a run has built', evidence);
      }
    },
    async stamp(warehouse) {
      if ((await readOrigin(warehouse)) !== undefined) return;
      await writeOrigin(warehouse, { id: readRecord(root)?.id ?? randomUUID(), synthetic });
    },
    async note(warehouse) {
      const record = readRecord(root);
      if (record?.warehouse !== undefined && record.id !== undefined) return;
      const origin = await readOrigin(warehouse);
      await updateRecord(root, { id: origin?.id, warehouse: record?.warehouse ?? { made_at: now.toISOString() } });
    },
  };
}

const ofOtherKind = (file: string, synthetic: boolean) =>
  new PipelineError(
    'ARCHIVE_DIFFERS',
    `the warehouse has ${synthetic ? 'synthetic' : 'real'} data, but the target is ${synthetic ? 'real' : 'synthetic'}; nothing was changed`,
    { file, hint: 'move the file away, or use it in a target with the same kind of data' },
  );
