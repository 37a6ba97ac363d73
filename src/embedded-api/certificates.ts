import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 24 * 60 * 60 * 1000;

function pem(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** Valid from an hour ago, since clocks differ, to a week from now, longer than any sandbox. */
function validity(now: Date): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: new Date(now.getTime() - DAY_MS / 24),
    notAfter: new Date(now.getTime() + 7 * DAY_MS),
  };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function privateKeyPem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  return pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
}

/** PEM texts of a certificate and its private key. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority, as long as the process lives. */
export interface Authority {
  /** PEM. */
  readonly ca: string;
  /** For a server that is known by these names and addresses. */
  issueServer(subjects: readonly string[]): Promise<KeyPair>;
  /** For a client; Kubernetes reads its user from CN and its groups from O (`O=system:masters, CN=minikube-user`). */
  issueClient(subject: string): Promise<KeyPair>;
}

/** Makes an authority whose certificates are valid around `now`. */
export async function createAuthority(now: Date): Promise<Authority> {
  cryptoProvider.set(webcrypto);
  const authorityKeys = await newKeys();
  const authority = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=minikubeCA',
    ...validity(now),
    signingAlgorithm: ALGORITHM,
    keys: authorityKeys,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
    ],
  });
  let issued = 1;
  const issue = async (subject: string, extensions: Extension[]): Promise<KeyPair> => {
    issued++;
    const serialNumber = issued.toString(16).padStart(4, '0');
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.create({
      serialNumber,
      subject,
      issuer: authority.subject,
      ...validity(now),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: authorityKeys.privateKey,
      extensions: [new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true), ...extensions],
    });
    return { cert: `${certificate.toString('pem')}\n`, key: await privateKeyPem(keys) };
  };
  return {
    ca: `${authority.toString('pem')}\n`,
    issueServer(subjects) {
      const names = subjects.map(
        (value): JsonGeneralName => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }),
      );
      return issue('O=system:masters, CN=minikube', [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(names),
      ]);
    },
    issueClient: (subject) => issue(subject, [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])]),
  };
}

/** The client that the kubeconfig names: member of the group that may do everything. */
export const ADMIN = 'O=system:masters, CN=minikube-user';
