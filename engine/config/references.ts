import { readdir, stat } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { closest, type ErrorCode } from '../errors.ts';
import { systemTables } from '../schema/system.ts';
import { formatPath, type Path, type Problem } from './problems.ts';
import type { PipelineSpec, SeedSpec, TestSpec } from './spec.ts';
import { checkVarBounds, checkVarValue } from './vars.ts';
import type { YamlSource } from './yaml-source.ts';

type Report = (code: ErrorCode, path: Path, message: string, hint?: string) => void;

interface Context {
  readonly spec: PipelineSpec;
  readonly source: YamlSource;
  /** Names of invalid entries; references to them are not checked. */
  readonly ignored: ReadonlySet<string>;
  readonly report: Report;
}

/** Checks the references between entries of pipeline.yaml: names, needs, cycles, vars. */
export function checkReferences(spec: PipelineSpec, source: YamlSource): Problem[] {
  const problems: Problem[] = [];
  const context: Context = {
    spec,
    source,
    ignored: ignoredNames(spec, source.data),
    report: (code, path, message, hint) =>
      problems.push({ code, message, path, position: source.at(path), ...(hint !== undefined && { hint }) }),
  };
  checkName(context, ['default_target'], spec.default_target, 'target', Object.keys(spec.targets));
  checkVars(context);
  checkTargetVars(context);
  checkNames(context);
  checkNeeds(context);
  checkWhen(context);
  checkTests(context);
  checkAcknowledged(context);
  for (const [name, { model }] of Object.entries(spec.exports)) {
    checkName(context, ['exports', name, 'model'], model, 'model', Object.keys(spec.models));
  }
  checkPublications(context);
  return problems;
}

/** Includes the names in a section with an unknown key, which is most likely misspelled. */
function ignoredNames(spec: PipelineSpec, data: unknown): Set<string> {
  const sound = spec as unknown as Readonly<Record<string, object | undefined>>;
  return new Set(
    Object.entries(data as Record<string, unknown>).flatMap(([section, entries]) =>
      Object.entries(isMap(entries) ? entries : {})
        .filter(([name]) => !Object.hasOwn(sound[section] ?? {}, name))
        .flatMap(([name, entry]) => [name, ...(isMap(entry) && Array.isArray(entry.writes) ? entry.writes : [])]),
    ),
  );
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function checkName(
  { report, ignored }: Context,
  path: Path,
  name: string,
  what: string,
  known: Iterable<string>,
): void {
  const names = [...known];
  if (names.includes(name) || ignored.has(name)) return;
  report(
    'CONFIG_REFERENCE',
    path,
    `there is no ${what} \`${name}\``,
    closest(name, [...names, ...ignored]) ?? (names.length === 0 ? undefined : `use one of: ${names.join(', ')}`),
  );
}

function checkVars({ spec, report }: Context): void {
  for (const [name, variable] of Object.entries(spec.vars)) {
    const path = ['vars', name];
    const bounds = checkVarBounds(variable);
    if (bounds !== undefined) {
      report('CONFIG_INVALID', [...path, bounds.key], `\`${bounds.key}\` of the var ${name} ${bounds.problem}`);
      continue;
    }
    const checked = checkVarValue(variable, variable.default);
    if ('value' in checked) continue;
    report('CONFIG_INVALID', [...path, 'default'], `the default of the var ${name} ${checked.problem}`, checked.hint);
  }
}

/** Checks that the vars set by a target are declared and have valid values. */
function checkTargetVars(context: Context): void {
  const { spec, report } = context;
  for (const [target, { vars = {} }] of Object.entries(spec.targets)) {
    for (const [name, value] of Object.entries(vars)) {
      const path = ['targets', target, 'vars', name];
      if (spec.vars[name] === undefined && spec.seeds[name] !== undefined) {
        report('CONFIG_REFERENCE', path, `there is no var \`${name}\``, seedInstead(name, spec.seeds[name]));
        continue;
      }
      checkName(context, path, name, 'var', Object.keys(spec.vars));
      const variable = Object.hasOwn(spec.vars, name) ? spec.vars[name] : undefined;
      const checked = variable === undefined ? undefined : checkVarValue(variable, value);
      if (checked === undefined || 'value' in checked) continue;
      report('CONFIG_INVALID', path, `the var ${name} of the target ${target} ${checked.problem}`, checked.hint);
    }
  }
}

/** Extracts, seeds, models and tables share one set of names, because a need may name any of them. */
function checkNames({ spec, source, report }: Context): void {
  const taken = new Map<string, Path>();
  const take = (name: string, path: Path, kind: string): void => {
    if (kind !== 'extract' && systemTables.includes(name)) {
      report('CONFIG_INVALID', path, `the ${kind} \`${name}\` has the same name as a table of the engine`, 'rename it');
      return;
    }
    const first = taken.get(name);
    if (first === undefined) taken.set(name, path);
    else {
      const place = `${formatPath(first)} on line ${source.at(first).line}`;
      report('CONFIG_INVALID', path, `the ${kind} \`${name}\` has the same name as ${place}`, 'rename one of them');
    }
  };
  for (const name of Object.keys(spec.extracts)) take(name, ['extracts', name], 'extract');
  for (const [name, { writes, needs }] of Object.entries(spec.extracts)) {
    // A table may have the name of the extract that writes it: both lead to the same node. An extract may add to the
    // tables of those that it needs: they come before it.
    const extended = new Set(needs.flatMap((need) => spec.extracts[need]?.writes ?? []));
    for (const [index, one] of writes.entries())
      if (one !== name && !extended.has(one)) take(one, ['extracts', name, 'writes', index], 'table');
  }
  for (const name of Object.keys(spec.seeds)) take(name, ['seeds', name], 'seed');
  for (const name of Object.keys(spec.models)) take(name, ['models', name], 'model');
}

/** Needs of extracts and models by id, each with its path. */
function* needsOf(spec: PipelineSpec): Generator<{ id: string; need: string; path: Path }> {
  for (const [section, kind] of [['extracts', 'extract'] as const, ['models', 'model'] as const]) {
    for (const [name, { needs }] of Object.entries(spec[section])) {
      for (const [index, need] of needs.entries()) {
        yield { id: `${kind}.${name}`, need, path: [section, name, 'needs', index] };
      }
    }
  }
}

function checkNeeds(context: Context): void {
  const { spec, report } = context;
  const makerOf = makers(spec);
  const edges = [];
  for (const { id, need, path } of needsOf(spec)) {
    checkName(context, path, need, 'extract, seed, model or table', makerOf.keys());
    for (const to of makerOf.get(need) ?? []) edges.push({ from: id, to, path });
  }
  for (const cycle of findCycles(edges)) {
    const names = [...cycle.map(({ from }) => from), cycle[0]?.from ?? ''].map((id) => id.slice(id.indexOf('.') + 1));
    report(
      'CONFIG_CYCLE',
      cycle[0]?.path ?? [],
      `these need each other: ${names.join(' -> ')}`,
      'remove one of these needs',
    );
  }
}

function checkWhen({ spec, ignored, report }: Context): void {
  const booleans = Object.keys(spec.vars).filter((name) => spec.vars[name]?.type === 'boolean');
  const check = (when: string | undefined, path: Path): void => {
    if (when === undefined || booleans.includes(when) || ignored.has(when)) return;
    const type = Object.hasOwn(spec.vars, when) ? spec.vars[when]?.type : undefined;
    report(
      'CONFIG_REFERENCE',
      [...path, 'when'],
      type === undefined
        ? `there is no var \`${when}\``
        : `the var \`${when}\` is of type ${type}, but \`when\` needs a boolean`,
      closest(when, booleans),
    );
  };
  for (const [name, { when }] of Object.entries(spec.extracts)) check(when, ['extracts', name]);
  for (const [name, { when, tests }] of Object.entries(spec.models)) {
    check(when, ['models', name]);
    for (const [index, test] of tests.entries()) check(test.when, ['models', name, 'tests', index, test.type]);
  }
  for (const [name, { when }] of Object.entries(spec.exports)) check(when, ['exports', name]);
}

function checkTests(context: Context): void {
  const { spec, source, report } = context;
  const written = Object.values(spec.extracts).flatMap(({ writes }) => writes);
  const tables = [...Object.keys(spec.models), ...Object.keys(spec.seeds), ...written];
  const taken = new Map<string, Path>();
  for (const [model, { tests }] of Object.entries(spec.models)) {
    for (const [index, test] of tests.entries()) {
      const path = ['models', model, 'tests', index];
      const name = testName(model, test);
      const first = taken.get(name);
      if (first === undefined) taken.set(name, path);
      else {
        const message = `the test \`${name}\` has the same name as the one on line ${source.at(first).line}`;
        report('CONFIG_INVALID', path, message, 'give one of them a `name`');
      }
      if (test.type === 'relationships') {
        checkName(context, [...path, test.type, 'to'], tableOf(test.to), 'table', tables);
      }
    }
  }
}

/** Checks acknowledged tests and targets. The kinds of warnings are known only after the extracts are loaded. */
function checkAcknowledged(context: Context): void {
  const { spec, report } = context;
  const tests = new Map(
    Object.entries(spec.models).flatMap(([model, { tests }]) => tests.map((test) => [testName(model, test), test])),
  );
  for (const [index, { test: name, targets = [] }] of spec.acknowledge.entries()) {
    const path = ['acknowledge', index];
    for (const [place, target] of targets.entries())
      checkName(context, [...path, 'targets', place], target, 'target', Object.keys(spec.targets));
    if (name === undefined) continue;
    checkName(context, [...path, 'test'], name, 'test', tests.keys());
    const test = tests.get(name);
    if (test === undefined || test.severity === 'warn' || test.type === 'coverage' || 'warn_after' in test) continue;
    report(
      'CONFIG_INVALID',
      [...path, 'test'],
      `the test \`${name}\` never warns`,
      'failures cannot be acknowledged: give the test `severity: warn`',
    );
  }
}

/** No two files of a version have the same name. */
function checkPublications({ spec, report }: Context): void {
  for (const [name, { files }] of Object.entries(spec.publications)) {
    const taken = new Set<string>(['SHA256SUMS', 'manifest.json', 'schema', 'state']);
    for (const [index, file] of files.entries()) {
      if (file.kind === 'made') continue;
      const key = file.kind === 'dataset' ? 'folder' : 'file';
      const own = file.kind === 'dataset' ? file.folder : file.file;
      const path = ['publications', name, 'files', index, file.kind, key];
      for (const one of file.kind === 'database' && file.gzip ? [own, `${own}.gz`] : [own]) {
        if (taken.has(one))
          report('CONFIG_INVALID', path, `the publication ${name} already has a file \`${one}\``, 'rename it');
        taken.add(one);
      }
    }
  }
}

/** Name in `needs` (extract, table that an extract writes, seed or model) → the ids of the nodes that make it. */
export function makers(spec: Pick<PipelineSpec, 'extracts' | 'seeds' | 'models'>): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const [name, { writes }] of Object.entries(spec.extracts)) {
    for (const one of new Set([name, ...writes])) found.set(one, [...(found.get(one) ?? []), `extract.${name}`]);
  }
  for (const name of Object.keys(spec.seeds)) found.set(name, [`seed.${name}`]);
  for (const name of Object.keys(spec.models)) found.set(name, [`model.${name}`]);
  return found;
}

/** What to do instead of setting a var that has the name of a seed. */
export const seedInstead = (name: string, { file }: SeedSpec): string =>
  `${name} is a seed, and not a var: change its rows in ${file}`;

/** The table of `table.column`. */
export const tableOf = (to: string): string => to.slice(0, to.indexOf('.'));

/** Returns the name of a test: its own, or type, model and columns as in dbt; several NOT NULL columns are left out. */
export function testName(model: string, test: TestSpec): string {
  if (test.name !== undefined) return test.name;
  if (test.type === 'custom') return (test.use.split('/').at(-1) ?? '').replace(/\.[^.]*$/, '');
  return [test.type, model, ...namedColumns(test)].join('_');
}

function namedColumns(test: TestSpec): readonly string[] {
  if (test.type === 'unique') return test.columns;
  if (test.type === 'not_null') return test.columns.length === 1 ? test.columns : [];
  return 'column' in test ? [test.column] : [];
}

/** `from` needs `to`. */
export interface Edge {
  readonly from: string;
  readonly to: string;
}

/**
 * Returns cycles of a directed graph, each as the edges from its first node back to it. Not every cycle is returned,
 * but removing one edge of each leaves none.
 */
export function findCycles<E extends Edge>(edges: readonly E[]): E[][] {
  const outgoing = Map.groupBy(edges, ({ from }) => from);
  const cycles: E[][] = [];
  const done = new Set<string>();
  const visit = (id: string, trail: readonly E[]): void => {
    const start = trail.findIndex(({ from }) => from === id);
    if (start !== -1) cycles.push(trail.slice(start));
    if (start !== -1 || done.has(id)) return;
    for (const edge of outgoing.get(id) ?? []) visit(edge.to, [...trail, edge]);
    done.add(id);
  };
  for (const id of outgoing.keys()) visit(id, []);
  return cycles;
}

/** Every file that pipeline.yaml names, relative to its folder. */
function* filesOf(spec: PipelineSpec): Generator<{ path: Path; file: string }> {
  yield { path: ['schema'], file: spec.schema };
  for (const section of ['extracts', 'models', 'commands'] as const) {
    for (const [name, { use }] of Object.entries(spec[section])) yield { path: [section, name, 'use'], file: use };
  }
  for (const [name, { file }] of Object.entries(spec.seeds)) yield { path: ['seeds', name, 'file'], file };
  for (const [name, { files }] of Object.entries(spec.publications)) {
    for (const [index, file] of files.entries())
      if (file.kind === 'made') yield { path: ['publications', name, 'files', index, 'made', 'use'], file: file.use };
  }
  for (const [model, { tests }] of Object.entries(spec.models)) {
    for (const [index, test] of tests.entries()) {
      if (test.type === 'custom') yield { path: ['models', model, 'tests', index, 'custom', 'use'], file: test.use };
    }
  }
}

/** Checks that each file exists; suggests a similar name in its folder. */
export async function checkFiles(spec: PipelineSpec, source: YamlSource, root: string): Promise<Problem[]> {
  const checks = [...filesOf(spec)].map(async ({ path, file }): Promise<Problem[]> => {
    const stats = await stat(join(root, file)).catch(() => undefined);
    if (stats?.isFile()) return [];
    const siblings = await readdir(join(root, dirname(file))).catch(() => []);
    const names = siblings.map((sibling) => posix.join(dirname(file), sibling));
    // Only base names are compared, because the folder is the same for all.
    const isNear = stats === undefined && closest(posix.basename(file), siblings) !== undefined;
    const hint = isNear ? closest(file, names) : undefined;
    return [
      {
        code: 'CONFIG_REFERENCE',
        message: stats === undefined ? `there is no file \`${file}\`` : `\`${file}\` is not a file`,
        path,
        position: source.at(path),
        ...(hint !== undefined && { hint }),
      },
    ];
  });
  return (await Promise.all(checks)).flat();
}
