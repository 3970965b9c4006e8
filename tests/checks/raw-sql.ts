import { parseSync } from 'vite';
import { lineAt, readFiles } from './files.ts';

/** Files that contain queries. The SQL text that the engine generates is covered by its own tests. */
const patterns = ['models/**/*.ts', 'queries/**/*.ts', 'tests/data/**/*.ts'];

interface Node {
  readonly type: string;
  readonly start: number;
  // biome-ignore lint/suspicious/noExplicitAny: every kind of node has fields of its own
  readonly [field: string]: any;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

function* walk(node: Node): Generator<Node> {
  yield node;
  for (const child of Object.values(node).flat()) if (isNode(child)) yield* walk(child);
}

const isSql = (node: Node | null | undefined): boolean => node?.type === 'Identifier' && node.name === 'sql';

/** `sql` as a tag, or one of its methods: the types of their results are only claimed by the author. */
const isSqlCall = (node: Node): boolean =>
  (node.type === 'TaggedTemplateExpression' && isSql(node.tag)) ||
  (node.type === 'CallExpression' && node.callee.type === 'MemberExpression' && isSql(node.callee.object));

/** What a function returns: the body of a short arrow function, or the operand of `return`. */
const returned = (fn: Node): readonly Node[] =>
  fn.body?.type === 'BlockStatement'
    ? fn.body.body.flatMap((statement: Node) => (statement.type === 'ReturnStatement' ? [statement.argument] : []))
    : [fn.body];

/** `sql<unknown>` claims nothing: no result has an unknown column, so it is cast later or does not compile. */
const isUnknown = (node: Node): boolean => node.typeArguments?.params[0]?.type === 'TSUnknownKeyword';

/** Raw fragments that may be left; each has a comment that says why the vocabulary is not enough. */
const budget = 0;

/** A function of SQL by its name, `fn('left', …)` or `fn.agg('arg_max', …)`: its type is believed, and so is its meaning. */
const isNamedFunction = ({ type, callee, arguments: args }: Node): boolean => {
  if (type !== 'CallExpression' || args[0]?.type !== 'Literal') return false;
  const isFn = (node: Node): boolean =>
    (node.type === 'Identifier' && node.name === 'fn') ||
    (node.type === 'MemberExpression' && node.property.name === 'fn');
  return isFn(callee) || (callee.type === 'MemberExpression' && callee.property.name === 'agg' && isFn(callee.object));
};

/**
 * Queries are written with Kysely's builder and the engine's vocabulary. The raw SQL that is left is counted, and
 * reaches a result only through `cast`, which makes its TypeScript type true: a fragment says of itself at most that it
 * is a condition, and gets no name.
 */
export async function checkRawSql(root: string, { most = budget } = {}): Promise<readonly string[]> {
  const problems: string[] = [];
  let count = 0;
  for (const { path, text } of await readFiles(root, patterns)) {
    const nodes = [...walk(parseSync(path, text).program as unknown as Node)];
    const report = (node: Node, problem: string) =>
      problems.push(`${path}:${lineAt(text, node.start)}: ${problem}; write cast('DOUBLE', sql\`…\`)`);
    const isRaw = rawIn(nodes);
    for (const node of nodes) {
      if (isSqlCall(node)) count++;
      if (isNamedFunction(node))
        problems.push(
          `${path}:${lineAt(text, node.start)}: the type of a function that is called by its name is believed; write a function of engine/vocabulary`,
        );
      const said: Node | undefined = (isSqlCall(node) && node.typeArguments?.params[0]) || undefined;
      if (said !== undefined && said.type !== 'TSBooleanKeyword' && !isUnknown(node))
        report(node, `sql<${text.slice(said.start, said.end)}> is a claim that nothing proves`);
      if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') continue;
      const method = node.callee.property.name;
      if (method === 'as' && isRaw(node.callee.object) && !isUnknown(node.callee.object))
        report(node, 'a raw fragment is selected without a cast');
      if (method === '$castTo' || method === '$notNull') report(node, `${method}() is a claim that nothing proves`);
    }
  }
  if (count > most)
    problems.push(
      `${count} raw SQL fragments in models, queries and tests/data, ${most} are allowed: write them with Kysely's builder and engine/vocabulary/index.ts`,
    );
  return problems;
}

/** Recognizes the raw fragments of a file, including constants and functions of the file that stand for one. */
function rawIn(nodes: readonly Node[]): (node: Node) => boolean {
  const names = new Set<string>();
  const isRaw = (node: Node | null | undefined): boolean => {
    if (!isNode(node)) return false;
    if (isSqlCall(node)) return true;
    if (node.type === 'Identifier') return names.has(node.name);
    if (node.type === 'CallExpression') return isRaw(node.callee);
    if (node.type === 'ConditionalExpression') return isRaw(node.consequent) || isRaw(node.alternate);
    if (['ArrowFunctionExpression', 'FunctionExpression', 'FunctionDeclaration'].includes(node.type))
      return returned(node).some(isRaw);
    return isNode(node.expression) && isRaw(node.expression); // parentheses, `as`, `satisfies`, `!`
  };
  for (let before = -1; before !== names.size; ) {
    before = names.size;
    for (const node of nodes) {
      if (node.type === 'VariableDeclarator' && node.id.type === 'Identifier' && isRaw(node.init))
        names.add(node.id.name);
      if (node.type === 'FunctionDeclaration' && isRaw(node)) names.add(node.id.name);
    }
  }
  return isRaw;
}
