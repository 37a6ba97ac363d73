// Generated from schema/plan.schema.json by `npm run generate`.
import type { SavedPlanDocument } from '../saved-plan.ts';

/** The first violation of the schema, as ajv reports it. */
export interface PlanSchemaError {
  /** JSON pointer (RFC 6901) to the value. */
  readonly instancePath: string;
  readonly message?: string;
}

export const validatePlan: {
  (data: unknown): data is SavedPlanDocument;
  errors?: readonly PlanSchemaError[] | null;
};
