import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { pipelineSpec } from './spec.ts';

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** The JSON Schema of pipeline.yaml, for editors: completion, descriptions, and unknown keys underlined. */
export const pipelineJsonSchema = (): object => z.toJSONSchema(pipelineSpec, { io: 'input' });

/** The text of pipeline.schema.json. */
export const pipelineJsonSchemaText = (): string => `${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`;

/** The keys that the map at a path of pipeline.yaml may have; none where its keys are free. */
export function keysAt(path: readonly (string | number)[]): string[] {
  const step = (schema: JsonSchema, part: string | number): JsonSchema[] => {
    const free = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    const next = typeof part === 'number' ? schema.items : (schema.properties?.[part] ?? free);
    return [...(next ? [next] : []), ...(schema.anyOf ?? []).flatMap((branch) => step(branch, part))];
  };
  const found = path.reduce<JsonSchema[]>(
    (schemas, part) => schemas.flatMap((schema) => step(schema, part)),
    [pipelineJsonSchema() as JsonSchema],
  );
  return found
    .flatMap((schema) => [schema, ...(schema.anyOf ?? [])])
    .flatMap(({ properties }) => Object.keys(properties ?? {}));
}

if (import.meta.main) {
  if (process.argv.includes('--write')) {
    await writeFile(new URL('pipeline.schema.json', import.meta.url), pipelineJsonSchemaText());
  } else process.stdout.write(pipelineJsonSchemaText());
}
