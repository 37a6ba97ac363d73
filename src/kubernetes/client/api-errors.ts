import { type Diagnostic, Failure, messageOf } from '../../model/diagnostic.ts';
import { shellWord } from '../../model/shell-word.ts';
import type { ApiAnswer, RawAnswer } from './answer.ts';
import type { ApiCall, ApiOptions } from './http.ts';

/** Turns what went wrong with a call into the Failure that says so. */
export interface ApiErrors {
  /** No answer came: connection, certificate, deadline, or a body that was cut. */
  unreachable(call: ApiCall, error: unknown): Failure;
  /** The API server answered, with an error. */
  refused(call: ApiCall, answer: RawAnswer): RefusedCall;
}

/** An error that the API server answered with. */
export class RefusedCall extends Failure {
  readonly status: number;
  /** How long the server asks to be left alone; null where it named no time. */
  readonly retryAfterMs: number | null;

  constructor(diagnostic: Diagnostic, { status, retryAfterMs }: Pick<RawAnswer, 'status' | 'retryAfterMs'>) {
    super('error', [diagnostic]);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The `message` of a Status object (Kubernetes API conventions, "Response Status Kind"). */
export function statusMessage(answer: ApiAnswer): string {
  const message = (answer.body as { message?: unknown } | null)?.message;
  return typeof message === 'string' && message !== '' ? message : `HTTP status ${answer.status}`;
}

function causeOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return messageOf(error);
}

function advice(status: number): { code: string; fix: string } {
  if (status === 401) {
    return {
      code: 'cluster-unauthorized',
      fix: 'Renew the credentials of this context; for minikube, run `minikube update-context` for its profile.',
    };
  }
  if (status === 403) {
    return {
      code: 'cluster-forbidden',
      fix: 'Give the user of this context that right, or name a context that has it.',
    };
  }
  if (status === 429 || status >= 500) {
    return {
      code: 'cluster-busy',
      fix: 'Wait until the API server is ready, then run the command again.',
    };
  }
  return { code: 'cluster-error', fix: 'Check that the server of this context is a Kubernetes API server.' };
}

/** The errors of one context. */
export function createApiErrors(options: Pick<ApiOptions, 'context' | 'server'>): ApiErrors {
  const subject = (call: ApiCall) =>
    `context "${options.context}": cannot ${call.verb} ${call.resource} at ${options.server.origin}`;
  return {
    unreachable(call, error) {
      const cause = causeOf(error);
      return new Failure(
        'error',
        [
          {
            code: 'cluster-unreachable',
            severity: 'error',
            summary: `${subject(call)}: ${cause}`,
            cause:
              'The API server did not answer, or its certificate is not vouched for by the context’s CA.',
            fix: 'Start the cluster, or correct the server and certificate authority of this context.',
            command: `kubectl --context=${shellWord(options.context)} get --raw /version`,
          },
        ],
        { cause: error },
      );
    },
    refused(call, answer) {
      const { code, fix } = advice(answer.status);
      const command = `kubectl --context=${shellWord(options.context)} auth can-i --list`;
      const diagnostic: Diagnostic = {
        code,
        severity: 'error',
        summary: `${subject(call)}: ${statusMessage(answer)}`,
        cause: `The API server answered with HTTP status ${answer.status}.`,
        fix,
        ...(answer.status === 403 ? { command } : {}),
      };
      return new RefusedCall(diagnostic, answer);
    },
  };
}
