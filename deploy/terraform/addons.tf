# This installs the add-ons that the cluster needs: the agent of EKS Pod Identity, and the EBS CSI driver
# for the state volume (deploy/storage). EKS Auto Mode has the two built in.

variable "addons" {
  description = "Whether to install the add-ons; false where the cluster has them"
  type        = bool
  default     = true
}

resource "aws_eks_addon" "pod_identity_agent" {
  count        = var.addons ? 1 : 0
  cluster_name = var.cluster
  addon_name   = "eks-pod-identity-agent"
}

resource "aws_iam_role" "ebs_csi_driver" {
  count              = var.addons ? 1 : 0
  name               = "ebs-csi-driver-${var.cluster}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy_attachment" "ebs_csi_driver" {
  count      = var.addons ? 1 : 0
  role       = aws_iam_role.ebs_csi_driver[0].name
  policy_arn = "arn:${data.aws_partition.this.partition}:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
}

resource "aws_eks_addon" "ebs_csi_driver" {
  count        = var.addons ? 1 : 0
  cluster_name = var.cluster
  addon_name   = "aws-ebs-csi-driver"

  pod_identity_association {
    service_account = "ebs-csi-controller-sa"
    role_arn        = aws_iam_role.ebs_csi_driver[0].arn
  }
}
