import { expect, test } from 'vitest';
import { checkLinks } from '../../checks/links.ts';
import { tree } from '../../support/tree.ts';

const page = '# The page\n\n## `run` and `test`\n\n## Twice\n\n## Twice\n';

test.each([
  '[file](docs/page.md)',
  '[anchor](docs/page.md#run-and-test)',
  '[second of a name](docs/page.md#twice-1)',
  '[own](#readme)',
  '[folder](docs)',
  '[web](https://example.org/x)',
  '![picture](docs/page.md "title")',
  '`[code](nowhere.md)`',
  '```\n[code](nowhere.md)\n```',
])('%s has a target', async (link) => {
  expect(await checkLinks(await tree({ 'README.md': `# Readme\n${link}\n`, 'docs/page.md': page }))).toEqual([]);
});

test.each([
  ['[gone](docs/gone.md)', 'docs/gone.md points to no file'],
  ['[gone](docs/page.md#thrice)', 'docs/page.md#thrice points to no heading of docs/page.md'],
  ['[own](#elsewhere)', '#elsewhere points to no heading of README.md'],
  ['![gone](docs/gone.png)', 'docs/gone.png points to no file'],
  ['[ref]\n\n[ref]: docs/gone.md', 'docs/gone.md points to no file'],
  ['[out](../shared/x.md)', '../shared/x.md leaves the repository'],
  ['[disk](/etc/passwd)', '/etc/passwd leaves the repository'],
])('%s fails', async (link, problem) => {
  const problems = await checkLinks(await tree({ 'README.md': `# Readme\n${link}\n`, 'docs/page.md': page }));
  expect(problems).toEqual([expect.stringMatching(/^README\.md:\d+: /)]);
  expect(problems[0]).toContain(problem);
});

test('links are relative to their page', async () => {
  const root = await tree({ 'docs/page.md': '[up](../README.md) [wrong](README.md)', 'README.md': '' });
  expect(await checkLinks(root)).toEqual(['docs/page.md:1: README.md points to no file']);
});
