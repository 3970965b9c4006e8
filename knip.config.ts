import { readFileSync } from 'node:fs';
import type { KnipConfig } from 'knip';
import { parse } from 'yaml';

/** The modules that pipeline.yaml names: loaded by path, so nothing imports them. One that it does not name is dead. */
function modulesOf(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    ['use', 'schema'].includes(key) && typeof value === 'string' ? [value] : modulesOf(value),
  );
}

const config: KnipConfig = {
  // Started by engine/start.js, which knip does not follow.
  entry: [
    'engine/{index,for-commands}.ts',
    'engine/cli/main.ts',
    'tests/{checks,guards}/{run,test}.ts',
    'tests/models/*.ts',
    'bench/*.ts',
    'build.ts',
    'template/*/*.ts',
    ...modulesOf(parse(readFileSync('pipeline.yaml', 'utf8'))),
  ],
  project: [
    '{engine,exchange,extract,models,queries,template,tests,bench}/**/*.ts',
    '!tests/fixtures/**',
    '!extract/kernel/assembly/**',
    '*.ts',
  ],
  // Programs of the system that benchmarks and tests start.
  ignoreBinaries: ['mkfifo', 'nginx', 'sha256sum', 'unshare'],
  ignoreExportsUsedInFile: { interface: true, type: true },
};

export default config;
