import {
  type FunctionNode,
  type KyselyPlugin,
  type OperationNode,
  OperationNodeTransformer,
  ParensNode,
  type PrimitiveValueListNode,
  RawNode,
  type ValueNode,
} from 'kysely';
import type { SqlType } from '../schema/table.ts';

/** The names of the function nodes that the vocabulary puts into an operation tree. */
export type Word =
  // Types and casts
  | `type_${SqlType}`
  | 'cast'
  | 'cast_to_integer'
  | 'try_cast'
  | 'to_decimal'
  // Times
  | 'as_of'
  | 'add_days'
  | 'add_months'
  | 'add_microseconds'
  | 'days_between'
  | 'epoch_microseconds'
  | 'epoch_milliseconds'
  | 'epoch_months'
  | 'from_epoch_microseconds'
  | 'from_epoch_months'
  | 'first_of_month'
  | 'truncate'
  | 'bucket'
  | 'bucket_from'
  | 'format_instant'
  | 'parse_yymmdd'
  // Numbers
  | 'plus'
  | 'minus'
  | 'times'
  | 'divide'
  | 'int_divide'
  | 'remainder'
  | 'is_share'
  | 'abs'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'infinity'
  | 'is_finite'
  | 'least'
  | 'greatest'
  | 'null_if'
  // Texts
  | 'concat'
  | 'join_texts'
  | 'replace'
  | 'replace_pattern'
  | 'has_pattern'
  | 'extract_pattern'
  | 'has_glob'
  | 'part_of'
  | 'characters'
  | 'first_characters'
  | 'characters_from'
  | 'ends_with'
  | 'percent_encode'
  // Lists and words of 64 bits
  | 'list'
  | 'list_of_texts'
  | 'unnest'
  | 'unnest_left'
  | 'unnest_right'
  | 'whole_numbers'
  | 'days_from_to'
  | 'contains'
  | 'but_first'
  | 'but_last'
  | 'no_bits'
  | 'all_bits'
  | 'bit_at'
  | 'bits_set'
  | 'bits_and'
  | 'shift_right'
  // Aggregates and windows
  | 'count_rows'
  | 'count'
  | 'count_distinct'
  | 'min'
  | 'max'
  | 'sum'
  | 'mean'
  | 'first_by'
  | 'last_by'
  | 'any_true'
  | 'all_true'
  | 'any_bits'
  | 'sorted_texts'
  | 'row_number'
  | 'dense_rank'
  | 'percent_rank'
  | 'lag'
  | 'lead'
  | 'filter'
  | 'over'
  // Digests
  | 'row_hash'
  | 'rows_digest';

/** How an engine writes each word: `$1` is the first operand, `$*` stands for all, and `$+` for all but the first. */
export interface Dictionary {
  readonly words: Readonly<Record<Word, string>>;
  /** Escapes a text for use between quotes, if more than its quotes must be escaped. */
  readonly escape?: (text: string) => string;
}

/** A word that no dictionary was applied to is a syntax error in every engine. */
const prefix = 'vocabulary:';

export const functionOf = (word: Word): string => `${prefix}${word}`;

interface Template {
  readonly fragments: readonly string[];
  /** 0-based; `rest` stands for the operands from there on. */
  readonly operands: readonly { readonly from: number; readonly rest: boolean }[];
}

function templateOf(text: string): Template {
  const parts = text.split(/\$([\d*+])/);
  return {
    fragments: parts.filter((_, at) => at % 2 === 0),
    operands: parts
      .filter((_, at) => at % 2 === 1)
      .map((part) =>
        /\d/.test(part) ? { from: Number(part) - 1, rest: false } : { from: part === '*' ? 0 : 1, rest: true },
      ),
  };
}

/** Nodes that need parentheses next to an operator. */
const loose = ['BinaryOperationNode', 'UnaryOperationNode', 'AndNode', 'OrNode', 'RawNode'];

/** Writes the words of a tree as one engine does. */
class Speller extends OperationNodeTransformer {
  readonly #dictionary: Dictionary;

  constructor(dictionary: Dictionary) {
    super();
    this.#dictionary = dictionary;
  }

  protected override transformFunction(node: FunctionNode): FunctionNode {
    const transformed = super.transformFunction(node);
    if (!node.func.startsWith(prefix)) return transformed;
    const { fragments, operands } = templateOf(this.#dictionary.words[node.func.slice(prefix.length) as Word]);
    const texts: string[] = [fragments[0] ?? ''];
    const nodes: OperationNode[] = [];
    const take = (at: number, isEnclosed: boolean, after: string) => {
      const operand = transformed.arguments[at];
      if (operand === undefined) throw new Error(`${node.func} has no operand ${at + 1}`);
      const isLoose = loose.includes(node.arguments[at]?.kind ?? '');
      nodes.push(isLoose && !isEnclosed ? ParensNode.create(operand) : operand);
      texts.push(after);
    };
    for (const [at, { from, rest }] of operands.entries()) {
      const [before = '', after = ''] = fragments.slice(at);
      if (!rest) take(from, /([(,[]|where)\s*$/.test(before) && /^\s*[),\]]/.test(after), after);
      else {
        const last = transformed.arguments.length - 1;
        for (let each = from; each <= last; each++) take(each, true, each === last ? after : ', ');
        if (last < from) texts.push(`${texts.pop() ?? ''}${after}`);
      }
    }
    return RawNode.create(texts, nodes) as unknown as FunctionNode;
  }

  protected override transformValue(node: ValueNode): ValueNode {
    return { ...node, value: this.#escaped(node.value) };
  }

  protected override transformPrimitiveValueList(node: PrimitiveValueListNode): PrimitiveValueListNode {
    return { ...node, values: node.values.map((value) => this.#escaped(value)) };
  }

  #escaped(value: unknown): unknown {
    return typeof value === 'string' ? (this.#dictionary.escape?.(value) ?? value) : value;
  }
}

/** Makes a Kysely write the vocabulary's words as an engine does. */
export const spelledBy = (dictionary: Dictionary): KyselyPlugin => ({
  transformQuery: ({ node, queryId }) => new Speller(dictionary).transformNode(node, queryId),
  transformResult: async ({ result }) => result,
});
