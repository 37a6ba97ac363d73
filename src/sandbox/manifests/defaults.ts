/** What the sandbox runs when it is given no manifests; examples/sandbox/ holds the same, file by file. */

const NODES = `# Two nodes as minikube makes them: the first is the control plane.
apiVersion: v1
kind: Node
metadata:
  name: minikube
  labels:
    kubernetes.io/hostname: minikube
    minikube.k8s.io/name: minikube
    node-role.kubernetes.io/control-plane: ""
spec:
  podCIDR: 10.244.0.0/24
  podCIDRs: [10.244.0.0/24]
status:
  addresses:
    - { type: InternalIP, address: 192.168.49.2 }
    - { type: Hostname, address: minikube }
---
apiVersion: v1
kind: Node
metadata:
  name: minikube-m02
  labels:
    kubernetes.io/hostname: minikube-m02
    minikube.k8s.io/name: minikube
spec:
  podCIDR: 10.244.1.0/24
  podCIDRs: [10.244.1.0/24]
status:
  addresses:
    - { type: InternalIP, address: 192.168.49.3 }
    - { type: Hostname, address: minikube-m02 }
---
# Where kubeadm records the networks that it was started with.
apiVersion: v1
kind: ConfigMap
metadata:
  name: kubeadm-config
  namespace: kube-system
data:
  ClusterConfiguration: |
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: ClusterConfiguration
    clusterName: mk
    controlPlaneEndpoint: control-plane.minikube.internal:8443
    networking:
      dnsDomain: cluster.local
      podSubnet: 10.244.0.0/16
      serviceSubnet: 10.96.0.0/12
`;

const SERVICES = `# One LoadBalancer Service. In a cluster its EndpointSlice follows from the pods that it selects;
# the sandbox runs no controllers, so the slice is written out.
apiVersion: v1
kind: Service
metadata:
  name: nginx
  namespace: default
spec:
  type: LoadBalancer
  selector: { app: nginx }
  ports:
    - { name: http, port: 80, targetPort: 80, protocol: TCP }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: nginx-1
  namespace: default
  labels:
    kubernetes.io/service-name: nginx
addressType: IPv4
ports:
  - { name: http, port: 80, protocol: TCP }
endpoints:
  - addresses: [10.244.0.10]
    conditions: { ready: true, serving: true, terminating: false }
    nodeName: minikube
  - addresses: [10.244.1.10]
    conditions: { ready: true, serving: true, terminating: false }
    nodeName: minikube-m02
`;

/** Two nodes with their pod networks, and the cluster's record of its networks. */
export const DEFAULT_NODES = { file: 'nodes.yaml', text: NODES };

/** One LoadBalancer Service `default/nginx` with an endpoint on each node. */
export const DEFAULT_SERVICES = { file: 'services.yaml', text: SERVICES };
