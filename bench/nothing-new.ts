import type { BenchOptions, Figure } from "./support/options.ts"; export async function benchNothingNew(_: BenchOptions): Promise<readonly Figure[]> { return [] }
