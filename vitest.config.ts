import { defineConfig } from 'vitest/config';

/** What takes its time: kills, faults, other machines, histories. `pnpm test:trials` and `.ci/run` run them. */
const trials = [
  'tests/trials/**/*.test.ts',
  'tests/integration/engine/{killed,lock-containers,lost-warehouse}.test.ts',
  'tests/integration/extract/{faults,other-archive,resume,threads}.test.ts',
  'tests/integration/migrations/backups.test.ts',
];
const patient = { testTimeout: 300_000, hookTimeout: 300_000 };

export default defineConfig({
  test: {
    pool: 'forks',
    // For two cores: the third worker uses them while others wait for files, servers and processes.
    maxWorkers: 3,
    globalSetup: 'tests/support/global-setup.ts',
    // Several times what a test takes, because other programs may need the machine as well.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // No test changes what another one in its process reads, so modules are loaded once a worker.
    isolate: false,
    projects: [
      { extends: true, test: { name: 'unit', include: ['tests/{unit,integration}/**/*.test.ts'], exclude: trials } },
      { extends: true, test: { name: 'e2e', include: ['tests/e2e/**/*.test.ts'], ...patient } },
      { extends: true, test: { name: 'trials', include: trials, ...patient } },
    ],
    coverage: {
      provider: 'v8',
      include: ['engine/**/*.ts', 'exchange/**/*.ts', 'extract/**/*.ts', 'models/**/*.ts', 'queries/**/*.ts'],
      exclude: ['extract/kernel/assembly'],
      reporter: ['text-summary', 'html'],
      thresholds: { lines: 85 },
    },
  },
});
