export interface TableRow {
  readonly line: number;
  readonly cells: readonly string[];
}

/** The body rows of every Markdown table of a page. */
export function tableRows(text: string): readonly TableRow[] {
  const lines = text.split('\n');
  return lines.flatMap((line, at) => {
    const isRow = line.startsWith('|') && !/^\|[\s:|-]+\|$/.test(line);
    const isHeader = /^\|[\s:|-]+\|$/.test(lines[at + 1] ?? '');
    if (!isRow || isHeader) return [];
    const cells = line.slice(1, line.lastIndexOf('|')).split(/(?<!\\)\|/);
    return [{ line: at + 1, cells: cells.map((cell) => cell.trim()) }];
  });
}

/** The contents of the fenced code blocks of a page in one language, in order. */
export const codeBlocks = (text: string, language: string): readonly string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => code as string);
