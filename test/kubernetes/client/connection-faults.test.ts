import { describe, expect, it } from 'vitest';
import { LostConnection } from '../../../src/kubernetes/client/answer.ts';
import { DeadlineExceeded, faultOf } from '../../../src/kubernetes/client/connection-faults.ts';
import { UNANSWERED } from '../../../src/model/diagnostic.ts';

const REACHED = { context: 'a b', server: new URL('https://[fd00::1]:8443') };
const told = (code: string, message: string) => Object.assign(new Error(message), { code });
const coded = (code: string) => told(code, `it failed: ${code}`);

describe('a call without an answer', () => {
  it.each<[string, unknown, (typeof UNANSWERED)[number]]>([
    ['no route', coded('EHOSTUNREACH'), 'cluster-unreachable'],
    ['no network', coded('ENETUNREACH'), 'cluster-unreachable'],
    ['a time-out of the kernel', coded('ETIMEDOUT'), 'cluster-unreachable'],
    ['no connection in time', new DeadlineExceeded(10, false), 'cluster-unreachable'],
    ['no answer in time', new DeadlineExceeded(10, true), 'cluster-silent'],
    ['a refusal', coded('ECONNREFUSED'), 'cluster-refused'],
    [
      'a refusal at each of two addresses',
      new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')]),
      'cluster-refused',
    ],
    ['an unknown name', coded('ENOTFOUND'), 'cluster-unresolved'],
    ['name servers that are silent', coded('EAI_AGAIN'), 'cluster-unresolved'],
    ['a reset', new LostConnection('it ended', { cause: null }), 'cluster-cut'],
    ['a certificate that signs itself', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'certificate-authority'],
    ['a certificate that is not valid yet', coded('CERT_NOT_YET_VALID'), 'certificate-expired'],
    ['a certificate for other names', coded('ERR_TLS_CERT_ALTNAME_INVALID'), 'certificate-name'],
    [
      'a server that demands a certificate',
      coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'),
      'client-certificate',
    ],
    ['a server that does not know ours', coded('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'), 'client-certificate'],
    [
      'the same, told while writing',
      told('EPROTO', 'write EPROTO error:0A000416:SSL routines::sslv3 alert certificate unknown'),
      'client-certificate',
    ],
    ['plain HTTP', coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'cluster-not-tls'],
    [
      'the same, told while writing',
      told('EPROTO', 'write EPROTO error:0A00010B:SSL routines:ssl3_get_record:wrong version number'),
      'cluster-not-tls',
    ],
    ['TLS of another version', coded('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'), 'cluster-unreachable'],
    ['something else', coded('EMFILE'), 'cluster-unreachable'],
    ['what is not an Error', 'a text', 'cluster-unreachable'],
  ])('%s', (_, error, code) => {
    const fault = faultOf(error, REACHED);
    expect(fault.code).toBe(code);
    expect(UNANSWERED).toContain(fault.code);
    expect(fault.fix).toMatch(/^[A-Z].*\.$/);
    expect(`${fault.fix} ${fault.command}`).not.toContain('minikube');
  });

  it.each([
    ['EHOSTUNREACH', "kubectl --context='a b' get --raw /version"],
    ['ECONNREFUSED', "kubectl config view --minify --context='a b'"],
  ])('%s is told with a command that can be pasted', (code, command) => {
    expect(faultOf(coded(code), REACHED)).toMatchObject({
      command,
      cause: expect.stringMatching(/^\[fd00::1\]:8443 .*\.$/),
    });
  });
});
