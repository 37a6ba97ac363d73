import type { Readable } from 'node:stream';
import type { Store } from '../embedded-api/objects/store.ts';
import { ENDPOINT_SLICES, PODS, SERVICES } from '../embedded-api/resources.ts';
import { createEmbeddedApi } from '../embedded-api/server.ts';
import { Failure, messageOf } from '../model/diagnostic.ts';
import type { CommandRunner } from '../platform/command.ts';
import { answersOf } from './answers.ts';
import { readLines } from './foreground.ts';
import { allowNonlocalBind, Holdings, runIp } from './holdings.ts';
import { decodeLine, type FromNode, type ToNode } from './protocol.ts';
import { seedManifests } from './seeding.ts';
import { nodeCommands } from './topology.ts';

/** Milliseconds over which changes of the API are gathered into one table for the nodes. */
const GATHER_MS = 5;

type Configuration = Extract<ToNode, { type: 'configure' }>;
type Tell = (message: FromNode) => void;

/** Tells what the nodes answer on, now and after each change. */
function publishAnswers(store: Store, nodes: Configuration['node'][], tell: Tell): void {
  const publish = (): void => tell({ type: 'answers', answers: answersOf(store, nodes) });
  let gathering = false;
  store.subscribe(({ resource }) => {
    if (gathering || (resource !== SERVICES && resource !== ENDPOINT_SLICES && resource !== PODS)) return;
    gathering = true;
    setTimeout(() => {
      gathering = false;
      publish();
    }, GATHER_MS);
  });
  publish();
}

async function serveApi(api: NonNullable<Configuration['api']>, tell: Tell): Promise<void> {
  const { url, ca, clientCert, clientKey, store } = await createEmbeddedApi({
    address: api.address,
    port: api.port,
    serviceCidrs: api.serviceCidrs,
  });
  seedManifests(store, api.objects);
  tell({ type: 'serving', url, ca, clientCert, clientKey });
  publishAnswers(store, [...api.nodes], tell);
}

/**
 * One node of the sandbox, in a network namespace of its own: configures it, serves the API on one of them,
 * and answers HTTP on the addresses of the cluster. Resolves when its input ends, which is when it has to.
 */
export function runSandboxNode(input: Readable, tell: Tell, runner: CommandRunner): Promise<void> {
  let holdings: Holdings | null = null;
  const configure = async ({ node, api }: Configuration): Promise<void> => {
    await runIp(runner, nodeCommands(node));
    await allowNonlocalBind();
    holdings = new Holdings(node.name, runner);
    if (api !== null) await serveApi(api, tell);
    tell({ type: 'ready' });
  };
  const act = async (message: ToNode): Promise<void> => {
    if (message.type === 'configure') return configure(message);
    await holdings?.hold(message.answers);
    tell({ type: 'answering' });
  };
  const fail = (error: unknown): void => {
    const diagnostics =
      error instanceof Failure
        ? error.diagnostics
        : [
            {
              code: 'sandbox-node',
              severity: 'error' as const,
              summary: messageOf(error),
              cause: 'a node of the sandbox could not do its work',
              fix: 'check the manifests that it is made of',
            },
          ];
    tell({ type: 'failed', diagnostics });
  };
  return new Promise((resolve) => {
    readLines(input, (line) => {
      act(decodeLine<ToNode>(line)).catch(fail);
    });
    input.once('end', resolve);
    tell({ type: 'hello' });
  });
}
