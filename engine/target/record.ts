import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../disk.ts';
import { PipelineError } from '../errors.ts';
import { machineFault } from '../machine-fault.ts';

const time = z.iso.datetime();

const shape = z.strictObject({
  format: z.literal(1),
  /** Also stored in the warehouse and its backups. Set when the first warehouse is created. */
  id: z.string().min(1).exactOptional(),
  /** Without credentials. Not set if a target of an earlier version was cleaned before its next run. */
  archive: z.string().exactOptional(),
  listing: z.string().exactOptional(),
  synthetic: z.boolean().exactOptional(),
  first_run: time.exactOptional(),
  /** Not set before the first warehouse is created, or after `clean`. */
  warehouse: z.strictObject({ made_at: time, published_at: time.exactOptional() }).exactOptional(),
  /** The versions that were published from this target or restored into it, the newest last. */
  versions: z.array(z.string()).exactOptional(),
});

/** The contents of `target.json`: the archive that the target belongs to, and whether it has a warehouse. */
export type TargetRecord = z.infer<typeof shape>;

export const recordFile = (root: string): string => path.join(root, 'target.json');

/**
 * Reads the record in a target's folder; undefined if there is none.
 * @throws PipelineError ARTIFACT_INVALID for a file that is not such a record
 */
export function readRecord(root: string): TargetRecord | undefined {
  const file = recordFile(root);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw machineFault(error, file);
  }
  const parsed = shape.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new PipelineError('ARTIFACT_INVALID', `this is not the record of a target: ${z.prettifyError(parsed.error)}`, {
    file,
    hint: 'restore the file, or remove it: the next run then compares the archive with what is staged',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Changes some fields of the record, or creates it. Undefined removes a field. */
export async function updateRecord(
  root: string,
  changes: { readonly [Key in keyof Omit<TargetRecord, 'format'>]?: TargetRecord[Key] | undefined },
): Promise<TargetRecord> {
  const merged = { ...readRecord(root), ...changes, format: 1 };
  const record = shape.parse(Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined)));
  writeWhole(recordFile(root), `${JSON.stringify(record, null, 2)}\n`, { sync: true });
  return record;
}
