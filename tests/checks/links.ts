import { access } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { lineAt, readFiles } from './files.ts';

/** Blanks code, in which brackets are not links; offsets stay the same. */
const withoutCode = (text: string): string =>
  text.replaceAll(/^(```|~~~)[\s\S]*?^\1|`[^`\n]*`/gm, (code) => code.replaceAll(/[^\n]/g, ' '));

/** The anchors that GitHub generates for the headings of a page; repeated ones end in `-1`, `-2` … */
function anchorsOf(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  const withoutFences = text.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, '');
  for (const [, heading = ''] of withoutFences.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Every relative link and anchor in the README and docs has a target. */
export async function checkLinks(root: string): Promise<readonly string[]> {
  const pages = await readFiles(root, ['*.md', 'docs/**/*.md', 'bench/**/*.md']);
  const anchors = new Map(pages.map(({ path, text }) => [path, anchorsOf(text)]));
  const problems: string[] = [];
  for (const page of pages) {
    const text = withoutCode(page.text);
    for (const { 1: inline, 2: reference, index } of text.matchAll(
      /\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)/gm,
    )) {
      const link = inline ?? reference ?? '';
      if (/^[a-z][a-z+.-]*:/i.test(link)) continue;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page.path : posix.join(posix.dirname(page.path), decodeURIComponent(path));
      const at = `${page.path}:${lineAt(text, index)}`;
      if (path.startsWith('/') || target.startsWith('../')) problems.push(`${at}: ${link} leaves the repository`);
      else if (!(await exists(join(root, target)))) problems.push(`${at}: ${link} points to no file`);
      else if (anchor !== undefined && anchors.get(target)?.has(anchor) === false)
        problems.push(`${at}: ${link} points to no heading of ${target}`);
    }
  }
  return problems;
}
