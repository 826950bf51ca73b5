# This makes a role for the plugin, with EKS Pod Identity. The cluster needs control plane
# logging of type audit, and the add-ons of addons.tf.

variable "cluster" {
  description = "Name of the EKS cluster whose audit log is read"
  type        = string
}

variable "namespace" {
  description = "Namespace that Falco runs in"
  type        = string
  default     = "falco"
}

variable "service_account" {
  description = "Service account that Falco runs as"
  type        = string
  default     = "falco-k8saudit-eks"
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

locals {
  log_groups = "arn:${data.aws_partition.this.partition}:logs:${data.aws_region.this.id}:${data.aws_caller_identity.this.account_id}:log-group:"
}

data "aws_iam_policy_document" "reading" {
  statement {
    sid     = "ReadAuditLogs"
    actions = ["logs:FilterLogEvents"]
    resources = [
      "${local.log_groups}/aws/eks/${var.cluster}/cluster",
      "${local.log_groups}/aws/eks/${var.cluster}/cluster:*",
    ]
  }

  # Optional: gives the account of each event, and names clusters in error messages.
  statement {
    sid       = "NameAccountAndClusters"
    actions   = ["logs:DescribeLogGroups"]
    resources = ["${local.log_groups}*"]
  }
}

# The same as `k8saudit-eks policy --trust pod-identity` prints.
data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "TrustPodIdentity"
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = "falco-k8saudit-eks-${var.cluster}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "reading" {
  name   = "read-audit-log"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.reading.json
}

resource "aws_eks_pod_identity_association" "this" {
  cluster_name    = var.cluster
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.this.arn
}

output "role_arn" {
  value = aws_iam_role.this.arn
}
