import type { BenchOptions, Figure } from "./support/options.ts"; export async function benchHistory(_: BenchOptions): Promise<readonly Figure[]> { return [] }
