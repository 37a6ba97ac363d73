import { programText } from '../../kubernetes/kubeconfig/credential-program.ts';
import type { KubeContext } from '../../kubernetes/kubeconfig/kubeconfig.ts';
import type { Profiles } from '../../minikube/profiles.ts';
import type { ProfileContext } from '../../model/desired.ts';
import { Failure } from '../../model/diagnostic.ts';
import { isServerOf } from '../../model/observed.ts';
import type { RememberedApproval } from '../../model/plan.ts';
import { approvalKey, programApproval } from '../../planner/approvals.ts';
import { readHostPolicy } from '../../platform/host-policy.ts';
import type { Approvals } from '../../registry/registry.ts';
import type { Approved } from '../transaction/approval.ts';

/** A program that makes credentials and that nobody has approved yet, as an approval of it would be remembered. */
export type UnapprovedProgram = Omit<RememberedApproval, 'approvedOn'>;

export interface ProgramApprovalsOptions {
  readonly approved: Approved;
  readonly approvals: Pick<Approvals, 'read'>;
  readonly profiles: Pick<Profiles, 'config'>;
  /** Finds a profile's context in the kubeconfig. Throws a Failure where it cannot be used. */
  readonly findContext: (profile: ProfileContext) => Promise<KubeContext>;
}

/** Which programs of the kubeconfig may be run for a spec. */
export class ProgramApprovals {
  readonly #options: ProgramApprovalsOptions;
  readonly #given = new Set<string>();

  constructor(options: ProgramApprovalsOptions) {
    this.#options = options;
  }

  /**
   * Whether the program of a context may be run: unasked where minikube wrote it for the profile and the server is that profile's
   * own; else where `credentials` is allowed, or a person approved exactly this program.
   */
  async mayRun(profile: string, context: KubeContext): Promise<boolean> {
    const { approved, profiles } = this.#options;
    if ([...approved.kinds, ...readHostPolicy().allow].includes('credentials')) return true;
    const { writtenByMinikube, server } = context;
    if (writtenByMinikube && isServerOf(server.origin, await profiles.config(profile))) return true;
    const asked = this.#asked(profile, context);
    if (asked === null) return false;
    const key = approvalKey(asked);
    return this.#given.has(key) || (await this.#remembered()).some((one) => approvalKey(one) === key);
  }

  /** The program that would be run for a profile and may not be; null where there is none, or the context cannot be used. */
  async unapproved(profile: ProfileContext): Promise<UnapprovedProgram | null> {
    try {
      const context = await this.#options.findContext(profile);
      if (context.program === null || (await this.mayRun(profile.name, context))) return null;
      return this.#asked(profile.name, context);
    } catch (thrown) {
      // Whatever is wrong with it, observing tells.
      if (thrown instanceof Failure) return null;
      throw thrown;
    }
  }

  /** A person approved these. */
  approve(programs: readonly UnapprovedProgram[]): void {
    for (const program of programs) this.#given.add(approvalKey(program));
  }

  #asked(profile: string, { name, server, program }: KubeContext): UnapprovedProgram | null {
    const { spec } = this.#options.approved;
    if (spec === null || program === null) return null;
    const approval = programApproval(profile, { name, server: server.origin }, programText(program));
    return { ...approval, spec, context: name, cluster: null };
  }

  async #remembered(): Promise<readonly RememberedApproval[]> {
    try {
      return await this.#options.approvals.read();
    } catch (thrown) {
      // What cannot be read does not count; the command itself says so.
      if (thrown instanceof Failure) return [];
      throw thrown;
    }
  }
}
