import type { PipelineSpec, TestSpec } from './spec.ts';
import type { YamlSource } from './yaml-source.ts';

/**
 * The values of tests as they are written. YAML makes 7 of `007` and rounds whole numbers beyond 2^53; which value a
 * text is depends on the column that it is compared with (B31).
 */
export function withWrittenValues(spec: PipelineSpec, source: YamlSource): PipelineSpec {
  const models = Object.entries(spec.models).map(([name, model]) => {
    const tests = model.tests.map((test, index): TestSpec => {
      const at = (...path: readonly (string | number)[]) =>
        source.scalarAt(['models', name, 'tests', index, test.type, ...path]);
      if (test.type === 'accepted_values')
        return { ...test, values: test.values.map((value, place) => at('values', place) ?? value) };
      if (test.type !== 'range') return test;
      const { min, max } = test;
      return {
        ...test,
        ...(min !== undefined && { min: at('min') ?? min }),
        ...(max !== undefined && { max: at('max') ?? max }),
      };
    });
    return [name, { ...model, tests }];
  });
  return { ...spec, models: Object.fromEntries(models) };
}
