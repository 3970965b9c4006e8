import { posix } from 'node:path';
import { parseSync } from 'vite';
import { lineAt, readFiles, type SourceFile } from './files.ts';

interface Layer {
  readonly values: readonly string[];
  readonly types?: readonly string[];
  /** What some files of the layer may import as well: those that define commands. */
  readonly commands?: readonly string[];
}

/** The engine's face for modules of commands and for the library. */
const commandFace = 'engine/for-commands.ts';

/**
 * What each layer may import besides itself and packages: a file, or with a slash at its end a folder. `types`: with
 * `import type` only. The rest of the tree is free.
 */
const layers: Readonly<Record<string, Layer>> = {
  engine: { values: [] },
  exchange: { values: [] },
  extract: {
    // Each staging thread would have to load the engine anew, so they load only how files are written.
    values: ['engine/index.ts', 'engine/aside.ts', 'exchange/'],
    commands: ['extract/commands.ts', 'extract/lock/command.ts'],
  },
  models: { values: ['engine/index.ts', 'exchange/'] },
  queries: { values: ['engine/index.ts', commandFace, 'exchange/'], types: ['models/schema.ts'] },
  'tests/data': {
    values: ['engine/index.ts', 'models/define.ts', 'models/market/calendar.ts', 'models/market/names.ts'],
    types: ['models/schema.ts'],
  },
};

export interface Import {
  /** As it is written: `./paths.ts`, or the name of a package. */
  readonly from: string;
  readonly typeOnly: boolean;
  readonly offset: number;
}

/** All that a file imports or passes on: values and types, also by `import()`. */
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

/** Imports run one way (design section 1): the engine imports no layer, the layers import only its faces. */
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
