import { type Diagnostic, Failure, messageOf } from '../../model/diagnostic.ts';
import { shellWord } from '../../model/shell-word.ts';
import { type ApiAnswer, isOfApiServer, type RawAnswer } from './answer.ts';
import type { ApiCall } from './calls.ts';
import { faultOf } from './connection-faults.ts';
import type { Unexpected } from './expected.ts';

/** Turns what went wrong with a call into the Failure that says so. */
export interface ApiErrors {
  /** No answer came: connection, certificate, deadline, or a body that was cut. */
  unreachable(call: ApiCall, error: unknown): Failure;
  /** The API server answered, with an error. */
  refused(call: ApiCall, answer: RawAnswer): RefusedCall;
  /** An answer came that is not what was asked for. */
  unexpected(call: ApiCall, what: Unexpected): Failure;
}

/** An error that the API server answered with. */
export class RefusedCall extends Failure {
  readonly status: number;
  /** How long the server asks to be left alone; null where it named no time. */
  readonly retryAfterMs: number | null;
  /** Whether the user of the context lacks the right: the API server says so itself. */
  readonly isForbidden: boolean;

  constructor(diagnostic: Diagnostic, answer: RawAnswer) {
    super('error', [diagnostic]);
    this.status = answer.status;
    this.retryAfterMs = answer.retryAfterMs;
    this.isForbidden = answer.status === 403 && isOfApiServer(answer);
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

const ELSEWHERE =
  'Find out what answers there: a proxy, a login page or another port may stand in for the API server.';

/** Statuses that an API server gives with a Status of its own. */
const TELLING: ReadonlySet<number> = new Set([401, 403, 404, 409]);

function advice({ status, body }: RawAnswer): { code: string; fix: string } {
  const isForeign = TELLING.has(status) && !isOfApiServer({ status, body });
  if (isForeign || status < 400) return { code: 'cluster-error', fix: ELSEWHERE };
  if (status === 401) {
    return {
      code: 'cluster-unauthorized',
      fix: 'Renew the credentials of this context: the API server does not accept them.',
    };
  }
  if (status === 403) {
    return {
      code: 'cluster-forbidden',
      fix: 'Give the user of this context that right, or name a context that has it.',
    };
  }
  if (status >= 500 && !isOfApiServer({ status, body })) {
    return {
      code: 'cluster-error',
      fix: 'Wait until the API server answers again. If it runs, check the proxy or load balancer in front of it, which gave this answer.',
    };
  }
  if (status === 429 || status >= 500) {
    return {
      code: 'cluster-busy',
      fix: 'Wait until the API server is ready, then run the command again.',
    };
  }
  return {
    code: 'cluster-error',
    fix: 'Read what the API server says to the command below; docs/kubernetes.md names the versions that work.',
  };
}

function said({ status, body, location }: RawAnswer): string {
  return location === null
    ? statusMessage({ status, body })
    : `HTTP status ${status}, a redirect to ${location}, which is not followed`;
}

const READ_BY_PATH: ReadonlySet<ApiCall['verb']> = new Set(['get', 'list', 'watch']);

/** The errors of one context. */
export function createApiErrors(options: { readonly context: string; readonly server: URL }): ApiErrors {
  const subject = (call: ApiCall) =>
    `context "${options.context}": cannot ${call.verb} ${call.resource} at ${options.server.origin}`;
  const kubectl = `kubectl --context=${shellWord(options.context)}`;
  const get = (path: string) => `${kubectl} get --raw ${shellWord(path)}`;
  return {
    unreachable(call, error) {
      return new Failure(
        'error',
        [{ severity: 'error', summary: `${subject(call)}: ${causeOf(error)}`, ...faultOf(error, options) }],
        { cause: error },
      );
    },
    unexpected(call, what) {
      return new Failure(
        'error',
        [
          {
            code: 'api-object-malformed',
            severity: 'error',
            summary: `${subject(call)}: ${what.message}`,
            cause:
              'It is not what the Kubernetes API reference has for that request, so nothing is planned on it.',
            fix: ELSEWHERE,
            command: get(READ_BY_PATH.has(call.verb) ? call.path : '/version'),
          },
        ],
        { cause: what },
      );
    },
    refused(call, answer) {
      const { code, fix } = advice(answer);
      const command = answer.status === 403 ? `${kubectl} auth can-i --list` : get('/version');
      const diagnostic: Diagnostic = {
        code,
        severity: 'error',
        summary: `${subject(call)}: ${said(answer)}`,
        cause: `The answer has HTTP status ${answer.status}.`,
        fix,
        command,
      };
      return new RefusedCall(diagnostic, answer);
    },
  };
}
