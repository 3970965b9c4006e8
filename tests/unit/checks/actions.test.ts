import { expect, test } from 'vitest';
import { checkActions } from '../../checks/actions.ts';
import { tree } from '../../support/tree.ts';

const workflow = (uses: string) => `jobs:\n  gate:\n    steps:\n      - uses: ${uses}\n      - run: make\n`;
const commit = '0123456789abcdef0123456789abcdef01234567';

test.each([
  `actions/checkout@${commit} # v5.1.0`,
  `owner/name/.github/workflows/shared.yml@${commit} # v2`,
  './.github/actions/own',
])('%s is pinned', async (uses) => {
  expect(await checkActions(await tree({ '.github/workflows/ci.yml': workflow(uses) }))).toEqual([]);
});

test.each([
  'actions/checkout@v5',
  'actions/checkout@main',
  'actions/checkout',
  `actions/checkout@${commit}`,
  `actions/checkout@${commit.slice(1)} # v5.1.0`,
  'docker://alpine:3',
])('%s is not pinned', async (uses) => {
  expect(await checkActions(await tree({ '.github/workflows/ci.yml': workflow(uses) }))).toEqual([
    `.github/workflows/ci.yml:4: \`${uses}\` is not pinned: write owner/name@<40-digit commit> # v1.2.3`,
  ]);
});

test('actions in composite actions and in named steps are checked too', async () => {
  const root = await tree({
    '.github/actions/own/action.yaml': 'runs:\n  steps:\n    - name: get it\n      uses: actions/checkout@v5\n',
  });
  expect(await checkActions(root)).toEqual([
    '.github/actions/own/action.yaml:4: `actions/checkout@v5` is not pinned: write owner/name@<40-digit commit> # v1.2.3',
  ]);
});
