import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    globalSetup: 'tests/support/global-setup.ts',
    testTimeout: 20_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'unit', include: ['tests/{unit,integration}/**/*.test.ts'] } },
      {
        extends: true,
        test: { name: 'e2e', include: ['tests/e2e/**/*.test.ts'], testTimeout: 180_000, hookTimeout: 180_000 },
      },
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
