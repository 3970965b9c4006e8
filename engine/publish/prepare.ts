import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline as pipe } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Pipeline } from '../config/load.ts';
import type { PublicationSpec, PublishedSpec } from '../config/spec.ts';
import type { Vars } from '../config/vars.ts';
import { fileDigest, isBelow, writeWhole } from '../disk.ts';
import {
  datasetPartitions,
  partitionFile,
  schemaVersion,
  type Warehouse,
  writeDatabase,
  writeDataset,
  writeParquet,
  writeState,
} from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import type { ExtractNode, Graph } from '../graph/graph.ts';
import { machineFault } from '../machine-fault.ts';
import { loadExport } from '../modules.ts';
import { openReader } from '../open-reader.ts';
import type { Project } from '../project.ts';
import { publishedPartitions } from '../run/published.ts';
import type { Table } from '../schema/table.ts';
import type { TargetPaths } from '../target/paths.ts';
import { recordFile } from '../target/record.ts';
import type { MadeFiles, MadeFilesContext } from './made-files.ts';
import { jsonBytes, type Manifest, type ManifestFile, stateFile } from './manifest.ts';

export interface PrepareOptions {
  readonly pipeline: Pipeline;
  readonly graph: Graph;
  readonly project: Project;
  readonly vars: Vars;
  readonly spec: PublicationSpec;
  readonly paths: TargetPaths;
  readonly target: { readonly name: string; readonly synthetic: boolean };
  readonly asOf: Date;
  /** The folder of the version's files. */
  readonly directory: string;
  /** The manifest of the version before, whose unchanged partitions are not written again. */
  readonly previous: Manifest | undefined;
  readonly warehouse: Warehouse;
  readonly signal: AbortSignal;
}

/** The files of a version, those that are only in the version before included, and where its tables are. */
export type Prepared = Pick<Manifest, 'files' | 'tables'> & { readonly definitions: Readonly<Record<string, string>> };

/** Rows in a row group of a data set's files, most of which are smaller. */
const datasetRowGroup = 122_880;

/** Writes every file of a version into its folder, except partitions of data sets that have not changed. */
export async function prepareFiles(options: PrepareOptions): Promise<Prepared> {
  const { spec, directory, project, warehouse, signal } = options;
  const files: ManifestFile[] = [];
  const tables: Manifest['tables'] = {};
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  for (const item of spec.files) {
    signal.throwIfAborted();
    await prepareItem(item);
  }
  const definitions: Record<string, string> = {};
  for (const name of new Set(spec.files.flatMap(tablesOf))) {
    const file = `schema/${name}.json`;
    definitions[name] = schemaVersion(project.schema[name] as Table);
    writeWhole(path.join(directory, file), jsonBytes(describeTable(project.schema[name] as Table)));
    await add(file);
  }
  await prepareState();
  return { files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), tables, definitions };

  async function add(name: string, facts: Omit<ManifestFile, 'path' | 'size' | 'sha256'> = {}): Promise<void> {
    const file = path.join(directory, name);
    const [{ size }, sha256] = await Promise.all([stat(file), fileDigest(file)]);
    files.push({ path: name, size, sha256: sha256 as string, ...facts });
  }

  async function prepareItem(item: PublishedSpec): Promise<void> {
    const { schema } = project;
    switch (item.kind) {
      case 'database': {
        const file = path.join(directory, item.file);
        await writeDatabase(
          warehouse,
          file,
          item.tables.map((name) => schema[name] as Table),
        );
        await add(item.file);
        if (item.gzip) {
          await compress(file, `${file}.gz`);
          await add(`${item.file}.gz`);
        }
        for (const name of item.tables) tables[name] ??= { database: item.file };
        return;
      }
      case 'parquet': {
        const { name: target, synthetic } = options.target;
        const rows = await writeParquet(warehouse, path.join(directory, item.file), {
          ...{ table: schema[item.table] as Table, orderBy: item.order_by, rowGroupSize: item.row_group_size },
          metadata: { target, synthetic: String(synthetic) },
        });
        return add(item.file, { rows });
      }
      case 'dataset':
        return prepareDataset(item);
      case 'made':
        return prepareMade(item.use);
    }
  }

  async function prepareDataset(item: PublishedSpec & { readonly kind: 'dataset' }): Promise<void> {
    const plan = { table: project.schema[item.table] as Table, partitionBy: item.partition_by };
    const known = new Map(options.previous?.files.map((file) => [file.path, file]));
    const changed: string[] = [];
    const facts = new Map<string, { readonly rows: number; readonly rows_digest: string }>();
    for (const { folder, digest, rows } of await datasetPartitions(warehouse, plan)) {
      const before = known.get(`${item.folder}/${folder}/${partitionFile}`);
      if (before?.rows_digest === digest) files.push(before);
      else {
        changed.push(folder);
        facts.set(folder, { rows, rows_digest: digest });
      }
    }
    const written = await writeDataset(warehouse, plan, {
      directory: path.join(directory, item.folder),
      folders: changed,
      rowGroupSize: datasetRowGroup,
    });
    for (const [at, file] of written.entries()) await add(`${item.folder}/${file}`, facts.get(changed[at] as string));
    tables[item.table] ??= { dataset: item.folder, partition_by: [...item.partition_by] };
  }

  async function prepareMade(use: string): Promise<void> {
    const module = await loadExport<MadeFiles>(options.pipeline, use);
    await using reader = await openReader({ warehouse: options.paths.warehouse, signal });
    const { target, vars, asOf } = options;
    const context: MadeFilesContext = { reader, synthetic: target.synthetic, target: target.name, vars, asOf, signal };
    for await (const [name, text] of module.files(context)) {
      const file = path.resolve(directory, name);
      const isOwn = isBelow(file, directory);
      const isTaken = files.some((one) => one.path === name);
      if (!isOwn || isTaken) {
        const problem = isOwn ? 'another file of the publication has this name' : 'it is not a path below the version';
        throw new PipelineError('MODULE_INVALID', `it returns the file \`${name}\`: ${problem}`, { file: use });
      }
      writeWhole(file, text);
      await add(name);
    }
  }

  async function prepareState(): Promise<void> {
    const { graph, paths } = options;
    const records = path.join(directory, 'state/records');
    const state = path.join(directory, 'state/state.db');
    const staging = path.join(records, 'staging');
    await mkdir(staging, { recursive: true });
    for (const node of graph.nodes.filter((one): one is ExtractNode => one.kind === 'extract')) {
      const extract = await project.extract(node);
      const partitions = () => publishedPartitions(warehouse, node, { graph, project });
      await extract.records?.({ stagingDir: paths.staging, to: staging, partitions });
    }
    await pipe(createReadStream(recordFile(paths.root)), createWriteStream(recordFile(records)));
    await writeState(warehouse, state, { elsewhere: new Set(Object.keys(tables)), records });
    await compress(state, path.join(directory, stateFile));
    for (const file of [records, state]) await rm(file, { recursive: true });
    await add(stateFile);
  }
}

const tablesOf = (item: PublishedSpec): readonly string[] =>
  item.kind === 'made' ? [] : item.kind === 'database' ? item.tables : [item.table];

/** What a reader of the files needs to know about a table. */
const describeTable = ({ name, description, key, columns }: Table): object => ({
  name,
  description,
  key,
  columns: Object.entries(columns).map(([column, facts]) => ({ name: column, ...facts })),
});

/** Compresses a file. The output does not contain a time, so the same bytes give the same bytes. */
async function compress(from: string, to: string): Promise<void> {
  try {
    await pipe(createReadStream(from), createGzip({ level: 6 }), createWriteStream(to));
  } catch (error) {
    throw machineFault(error, to);
  }
}
