import { hash } from 'node:crypto';
import type { CompiledModel } from './compiled-model.ts';
import { createTable } from './ddl.ts';

/** The parts of a model's definition, each as a digest. */
export interface DefinitionParts {
  readonly sql: string;
  readonly table: string;
}

/** Takes the parts of `definitionDigest` apart, so that a change of one can be told from a change of the other. */
export const definitionParts = (model: CompiledModel): DefinitionParts => ({
  sql: hash('sha256', JSON.stringify([model.inputsSql, model.querySql, model.rejectsSql, model.publishedSql])),
  table: hash('sha256', createTable(model.table)),
});
