import { stripVTControlCharacters } from 'node:util';

const ESC = String.fromCharCode(27);
/** A control sequence, a control character, or text. */
const tokens = new RegExp(`${ESC}\\[([?\\d;]*)([A-Za-z])|([\\r\\n])|([^${ESC}\\r\\n]+)`, 'g');

/**
 * The lines that a terminal of this width finally shows, including what scrolled away; a wrapped line is one line.
 * Throws for an unknown control sequence.
 */
export function screenOf(output: string, columns: number): readonly string[] {
  const rows: string[][] = [[]];
  let [row, column] = [0, 0];
  /** Rows that continue a wrapped line. */
  const goesOn = new Set<number>();
  const line = () => {
    while (rows.length <= row) rows.push([]);
    return rows[row] as string[];
  };
  const put = (character: string) => {
    if (column === columns) {
      [row, column] = [row + 1, 0];
      goesOn.add(row);
    }
    const cells = line();
    while (cells.length < column) cells.push(' ');
    cells[column++] = character;
  };
  const controls: Readonly<Record<string, (argument: string) => void>> = {
    A(lines) {
      row = Math.max(0, row - Number(lines || 1));
    },
    B(lines) {
      row += Number(lines || 1);
    },
    G(to) {
      column = Number(to || 1) - 1;
    },
    K(part) {
      line().splice(part === '2' ? 0 : column);
    },
    J() {
      line().splice(column);
      rows.splice(row + 1);
    },
    m() {},
    h() {},
    l() {},
  };
  for (const [, argument = '', control, move, text] of output.matchAll(tokens)) {
    if (control !== undefined) {
      const act = controls[control];
      if (act === undefined) throw new Error(`the screen does not know CSI ${argument}${control}`);
      act(argument);
    } else if (move === '\r') column = 0;
    else if (move === '\n') {
      row += 1;
      goesOn.delete(row);
    } else for (const character of stripVTControlCharacters(text ?? '')) put(character);
  }
  const shown: string[] = [];
  for (const [at, cells] of rows.entries()) {
    if (goesOn.has(at)) shown.push(`${shown.pop() ?? ''}${cells.join('')}`);
    else shown.push(cells.join(''));
  }
  const lines = shown.map((text) => text.trimEnd());
  while (lines.at(-1) === '') lines.pop();
  return lines;
}
