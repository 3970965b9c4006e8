import { existsSync } from 'node:fs';
import { access, constants, mkdir, statfs } from 'node:fs/promises';
import type { ResolvedTarget } from '../config/resolve-target.ts';
import { openWarehouse } from '../duckdb/warehouse.ts';
import { formatError, PipelineError } from '../errors.ts';
import { refuseOlder } from '../migrations/current.ts';
import { formatBytes } from '../report/format.ts';
import { contact } from './contact.ts';
import type { TargetPaths } from './paths.ts';

export interface Finding {
  readonly ok: boolean;
  readonly subject: string;
  readonly detail: string;
}

const oldestNode = 24;

/** What a run needs of this machine and of the archive, looked at without changing anything but an empty data folder. */
export async function examine(options: {
  readonly target: ResolvedTarget;
  readonly paths: TargetPaths;
  /** Folder of pipeline.yaml. */
  readonly root: string;
  readonly signal: AbortSignal;
}): Promise<readonly Finding[]> {
  const { target, paths, root, signal } = options;
  const findings: Finding[] = [];
  const look = async (subject: string, work: () => Promise<string>) => {
    try {
      findings.push({ ok: true, subject, detail: await work() });
    } catch (error) {
      findings.push({ ok: false, subject, detail: formatError(error) });
    }
  };
  await look('node', async () => {
    if (Number(process.versions.node.split('.')[0]) < oldestNode) {
      throw new PipelineError(
        'NODE_OUTDATED',
        `Node ${oldestNode} is needed, and this is Node ${process.versions.node}`,
        {
          hint: 'start through pnpm, which brings it',
        },
      );
    }
    return process.versions.node;
  });
  await look('duckdb', async () => {
    await using warehouse = await openWarehouse({ file: ':memory:', signal });
    return (await warehouse.row<{ version: string }>('SELECT version() AS version')).version;
  });
  await look('data folder', async () => {
    await mkdir(paths.root, { recursive: true });
    await access(paths.root, constants.W_OK);
    const { bavail, bsize } = await statfs(paths.root);
    return `${paths.root}, ${formatBytes(bavail * bsize)} free`;
  });
  await look('warehouse', async () => {
    if (!existsSync(paths.warehouse)) return 'none yet: pnpm pipeline run builds it';
    await using warehouse = await openWarehouse({ file: paths.warehouse, readOnly: true, signal });
    await refuseOlder(warehouse, root);
    const { database_size } = await warehouse.row<{ database_size: string }>(
      'SELECT database_size FROM pragma_database_size()',
    );
    return `${paths.warehouse}, ${database_size}`;
  });
  await look('target', async () => {
    const listing = target.listing === target.archive ? '' : `, listing ${target.listing}`;
    return `${target.name}: archive ${target.archive}${listing}${target.synthetic ? ' (synthetic data)' : ''}`;
  });
  for (const address of new Set([target.archive, target.listing])) {
    if (/^https?:/i.test(address)) await look('archive', () => contact(address, signal));
  }
  return findings;
}
