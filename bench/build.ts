import type { BenchOptions, Figure } from "./support/options.ts"; export async function benchBuild(_: BenchOptions): Promise<readonly Figure[]> { return [] }
