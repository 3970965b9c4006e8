import { posix } from 'node:path';
import { parseSync } from 'vite';
import { lineAt, readFiles, type SourceFile } from './files.ts';

interface Layer {
  readonly values: readonly string[];
  readonly types?: readonly string[];
  /** What the layer's command modules may import in addition. */
  readonly commands?: readonly string[];
}

/** The entry point of the engine for command modules and for the library. */
const commandFace = 'engine/for-commands.ts';
/** The engine's face for whatever writes queries. */
const vocabulary = 'engine/vocabulary/index.ts';

/**
 * What each layer may import besides itself and packages: files, or folders (with a trailing slash). `types` lists what
 * it may import with `import type` only. The rest of the tree is unrestricted.
 */
const layers: Readonly<Record<string, Layer>> = {
  engine: { values: [] },
  exchange: { values: [] },
  extract: {
    // Each staging thread would have to load the whole engine again, so threads load only the code that writes files.
    values: ['engine/index.ts', 'engine/aside.ts', 'exchange/'],
    commands: ['extract/commands.ts'],
  },
  models: { values: ['engine/index.ts', vocabulary, 'exchange/'] },
  queries: { values: ['engine/index.ts', commandFace, vocabulary, 'exchange/'], types: ['models/schema.ts'] },
  'tests/models': { values: ['engine/index.ts', 'exchange/', 'models/define.ts'], types: ['models/schema.ts'] },
  'tests/data': {
    values: [
      ...['engine/index.ts', vocabulary, 'exchange/', 'models/define.ts'],
      ...['models/market/calendar.ts', 'models/market/names.ts'],
    ],
    types: ['models/schema.ts'],
  },
};

export interface Import {
  /** As written: `./paths.ts`, or the name of a package. */
  readonly from: string;
  readonly typeOnly: boolean;
  readonly offset: number;
}

/** Everything that a file imports or re-exports: values and types, also through `import()`. */
export function importsOf({ path, text }: SourceFile): readonly Import[] {
  const { module } = parseSync(path, text);
  const fixed = module.staticImports.map(({ moduleRequest, entries, start }) => ({
    from: moduleRequest.value,
    typeOnly: entries.length > 0 && entries.every(({ isType }) => isType),
    offset: start,
  }));
  const passedOn = module.staticExports.flatMap(({ entries, start }) =>
    entries.flatMap(({ moduleRequest, isType }) =>
      moduleRequest ? [{ from: moduleRequest.value, typeOnly: isType, offset: start }] : [],
    ),
  );
  const literal = /^(['"`])([^'"`]*)\1$/;
  const dynamic = module.dynamicImports.flatMap(({ moduleRequest, start }) => {
    const from = literal.exec(text.slice(moduleRequest.start, moduleRequest.end))?.[2];
    return from === undefined ? [] : [{ from, typeOnly: false, offset: start }];
  });
  return [...fixed, ...passedOn, ...dynamic];
}

interface Wall {
  readonly room: string;
  /** The only files through which code outside may import from the room. */
  readonly doors: readonly string[];
  /** A word that code outside must not mention, except in these files: path → reason. */
  readonly word: string;
  readonly exceptions: Readonly<Record<string, string>>;
}

/** Rooms of the engine that can be entered only through their doors, and the words that stay inside. */
const walls: readonly Wall[] = [
  {
    room: 'engine/duckdb/',
    doors: ['engine/duckdb/index.ts', 'engine/duckdb/dialect.ts', 'engine/duckdb/bind.ts'],
    word: 'duckdb',
    exceptions: {
      'engine/cli/commands/migrate.ts': 'an example names a backup',
      'engine/cli/commands/schema.ts': 'help and example of --database, which takes a DuckDB file',
      'engine/cli/options.ts': 'help of --memory-limit, which DuckDB keeps',
      'engine/machine-fault.ts': 'tells faults of the machine by the words of DuckDB, whose errors carry no code',
      'engine/schema/compare.ts': 'error messages name the kinds of file that --database takes',
      'engine/run/compile-models.ts': 'the formatter of compiled SQL has to know the dialect',
      'engine/publish/publish-target.ts': 'a manifest names the version of DuckDB',
      'engine/target/examine.ts': 'reports the version of DuckDB',
      'engine/target/paths.ts': 'the name of the warehouse file, which users open with DuckDB',
      'engine/target/lost.ts': 'backups are files ending in .duckdb',
    },
  },
  {
    room: 'engine/duckdb/state.ts',
    doors: [],
    word: 'partition_state',
    exceptions: {
      'engine/model.ts': 'models read the states of other tables in their queries',
      'engine/schema/system.ts': 'defines the table',
    },
  },
];

/** The text of a file with its comments and its imports of doors blanked, so that offsets stay the same. */
function codeOf({ path, text }: SourceFile, doors: readonly string[]): string {
  const { comments } = parseSync(path, text);
  const blank = (code: string, start: number, end: number) =>
    code.slice(0, start) + code.slice(start, end).replaceAll(/[^\n]/g, ' ') + code.slice(end);
  const code = comments.reduce((rest, { start, end }) => blank(rest, start, end), text);
  const isDoor = (from: string) => doors.includes(posix.join(posix.dirname(path), from));
  return code.replaceAll(/'(\.{1,2}\/[^'\n]+)'/g, (literal, from: string) =>
    isDoor(from) ? ' '.repeat(literal.length) : literal,
  );
}

/**
 * The engine reaches DuckDB only through its doors. Other mentions are listed with a reason, and no listed file is
 * stale.
 */
export async function checkWalls(root: string, rooms: readonly Wall[] = walls): Promise<readonly string[]> {
  const problems: string[] = [];
  const files = await readFiles(root, ['engine/**/*.ts']);
  for (const { room, doors, word, exceptions } of rooms) {
    const speakers = new Set<string>();
    for (const file of files.filter(({ path }) => !path.startsWith(room))) {
      for (const { from, offset } of importsOf(file)) {
        const target = posix.join(posix.dirname(file.path), from);
        if (!from.startsWith('.') || !target.startsWith(room) || doors.length === 0 || doors.includes(target)) continue;
        const at = `${file.path}:${lineAt(file.text, offset)}`;
        problems.push(`${at}: imports ${target}; outside ${room} only ${doors.join(' and ')} may be imported`);
      }
      const said = codeOf(file, doors).search(new RegExp(word, 'i'));
      if (said < 0) continue;
      speakers.add(file.path);
      if (exceptions[file.path] !== undefined) continue;
      const at = `${file.path}:${lineAt(file.text, said)}`;
      problems.push(
        `${at}: mentions ${word}; move it into ${room}, or list the file with a reason in tests/checks/imports.ts`,
      );
    }
    for (const path of Object.keys(exceptions)) {
      if (!speakers.has(path))
        problems.push(`tests/checks/imports.ts: ${path} does not mention ${word}; remove it from the list`);
    }
  }
  return problems;
}

/** Imports run one way: the engine imports no layer, and the layers import only its entry points. */
export async function checkImports(root: string): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const [layer, { values: shared, types = [], commands = [] }] of Object.entries(layers)) {
    for (const file of await readFiles(root, [`${layer}/**/*.ts`])) {
      const values = commands.includes(file.path) ? [...shared, commandFace] : shared;
      for (const { from, typeOnly, offset } of importsOf(file)) {
        if (!from.startsWith('.')) continue;
        const target = posix.join(posix.dirname(file.path), from);
        const isOwn = target.startsWith(`${layer}/`);
        const isAllowed = values.some((one) => (one.endsWith('/') ? target.startsWith(one) : target === one));
        if (isOwn || isAllowed || (typeOnly && types.includes(target))) continue;
        const may = [...values, ...types.map((type) => `types of ${type}`)].join(' and ');
        problems.push(
          `${file.path}:${lineAt(file.text, offset)}: imports ${target}; ${layer} imports only itself${may && `, ${may}`}`,
        );
      }
    }
  }
  return problems;
}
